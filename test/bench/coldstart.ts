import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { archive } from '../../.release/archives.ts'
import { targets } from '../../functions/main.ts'
import { type Deployed, startDeployed } from '../support/deployed.ts'
import { median } from '../support/load.ts'
import { ADMIN_KEY, type Bench, environmentOf, gateway, outdir } from './ground.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 11)
/** What a function is asked besides, one after the other, before its memory is looked at. */
const MORE = 200
/** A round trip to a database in the same region takes about as long. */
const DELAY_MS = '1'

/** A first request of each function, that needs its credential checked and a table read; of those not named, whether they are ready. */
const FIRST: Record<string, string> = {
  organizations: '/me',
  agents: '/',
  conversations: '/',
  database: '/tables',
  analytics: '/events',
  payments: '/intents',
  knowledge: '/entries',
  rag: '/documents',
  audit: '/events',
  jobs: '/runs',
  migration: '/collections',
  gateway: '/agents',
}
const PLATFORM = new Set(['jobs', 'migration'])

type Start = { milliseconds: number; worked: number; peak: number }

/** From the start of the process to its first answer, in time and in CPU (ms); and the most memory that it held until later. */
const measure = async (deployed: Promise<Deployed>, path: string, key: string): Promise<Start> => {
  const { answered, worked, peak, stop } = await deployed
  try {
    const headers = { authorization: `Bearer ${key}` }
    const milliseconds = await answered(path, headers)
    const work = worked()
    for (let i = 0; i < MORE; i++) await answered(path, headers)
    return { milliseconds, worked: work, peak: peak() }
  } finally {
    await stop()
  }
}

/**
 * functions-framework alone: a function that answers a constant, in an index.js as its quickstart has it. An index.cjs spares the
 * framework a look at package.json, as our index.mjs does: it is printed as well.
 */
const constantIn = (folder: string, file: string): string => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/package.json`, JSON.stringify({ main: file }))
  writeFileSync(`${folder}/${file}`, "exports.constant = (_, response) => response.send('{}')\n")
  return folder
}

/**
 * What a scaled-to-zero function costs the request that wakes it: each as deployed, of its own archive. By the clock, and by its CPU, which
 * is nearly all that there is to wait for (the round trips to the database are 2 ms or so) and which a busy machine stretches less.
 */
export const coldstart: Bench = {
  name: 'coldstart',
  about: `process start to first answered request, each function of its own archive, its database behind ${DELAY_MS} ms; ${ROUNDS} rounds`,
  run: async ({ serve, organization, database }) => {
    const archives = await archive(`${outdir}/archives`, targets)
    const constant = constantIn(`${outdir}/archives/constant`, 'index.js')
    const bare = constantIn(`${outdir}/archives/bare`, 'index.cjs')
    const { key } = await organization(await serve(gateway), 'acme')
    const delay = await serve('test/support/delay', { TARGET: new URL(database).host, DELAY_MS })
    const behind = environmentOf(Object.assign(new URL(database), { host: new URL(delay.url).host }).href)
    const startOf = (target: string): Promise<Start> => {
      const environment = { ...behind, FUNCTION_TARGET: target, EMBEDDING_PROVIDER: 'none' }
      const deployed = startDeployed(`${outdir}/archives/${target}`, target, environment)
      return measure(deployed, FIRST[target] ?? '/health/ready', PLATFORM.has(target) ? ADMIN_KEY : key)
    }
    const constantOf = (folder: string) => measure(startDeployed(folder, 'constant', {}), '/', key)
    const starting = new Map([['a constant, index.cjs', () => constantOf(bare)], ...targets.map(one => [one, () => startOf(one)] as const)])
    // Each start beside one of the constant's, so that both meet the same machine.
    const pairs = new Map<string, { ours: Start; constant: Start }[]>([...starting.keys()].map(name => [name, []]))
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, start] of starting) pairs.get(name)?.push({ constant: await constantOf(constant), ours: await start() })
    const of = (name: string) => {
      const found = pairs.get(name) ?? []
      return {
        first: median(found.map(({ ours }) => ours.milliseconds)),
        work: median(found.map(({ ours }) => ours.worked)),
        time: median(found.map(({ ours, constant }) => ours.milliseconds / constant.milliseconds)),
        ratio: median(found.map(({ ours, constant }) => ours.worked / constant.worked)),
        peak: Math.max(...found.map(({ ours }) => ours.peak)),
      }
    }
    const slowest = (by: 'time' | 'ratio') => Math.max(...targets.map(name => of(name)[by]))
    const size = (path = '') => (path === '' ? '' : `${Math.ceil(statSync(path).size / 1024)} KB`)
    const row = (name: string) => {
      const { first, time, work, ratio, peak } = of(name)
      return [name, work.toFixed(0), ratio.toFixed(2), first.toFixed(0), time.toFixed(2), peak.toFixed(0), size(archives[name]?.path)]
    }
    const all = [...pairs.values()].flat().map(({ constant }) => constant)
    const alone = { first: median(all.map(({ milliseconds }) => milliseconds)), work: median(all.map(({ worked }) => worked)) }
    return {
      table: [
        ['', 'CPU ms', 'of the constant', 'first answer ms', 'of the constant', 'most memory MB', 'archive'],
        [
          'a constant, index.js',
          alone.work.toFixed(0),
          '1.00',
          alone.first.toFixed(0),
          '1.00',
          Math.max(...all.map(({ peak }) => peak)).toFixed(0),
          '',
        ],
        ...[...starting.keys()].map(row),
      ],
      targets: [
        { what: 'time to the first answer, the slowest function / the constant', value: slowest('time'), most: 1.5 },
        { what: 'the same by CPU', value: slowest('ratio'), most: 1.5 },
        { what: 'the most memory of a function, MB', value: Math.max(...targets.map(name => of(name).peak)), most: 200 },
      ],
    }
  },
}
