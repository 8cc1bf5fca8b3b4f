import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { archive } from '../../.release/archives.ts'
import { targets } from '../../functions/main.ts'
import { type Deployed, startDeployed } from '../support/deployed.ts'
import { median } from '../support/load.ts'
import { ADMIN_KEY, type Bench, environmentOf, gateway, outdir } from './ground.ts'

const ROUNDS = Number(process.env.ROUNDS ?? 7)
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

type Start = { milliseconds: number; peak: number }

/** From the start of the process to its first answer, and the most memory that it held from then on. */
const measure = async (deployed: Promise<Deployed>, path: string, key: string): Promise<Start> => {
  const { answered, peak, stop } = await deployed
  try {
    const headers = { authorization: `Bearer ${key}` }
    const milliseconds = await answered(path, headers)
    for (let i = 0; i < MORE; i++) await answered(path, headers)
    return { milliseconds, peak: peak() }
  } finally {
    await stop()
  }
}

/** functions-framework alone: a function that answers a constant. */
const constantIn = (folder: string): string => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/package.json`, '{ "main": "index.cjs" }')
  writeFileSync(`${folder}/index.cjs`, "exports.constant = (_, response) => response.end('{}')\n")
  return folder
}

/** What a scaled-to-zero function costs the request that wakes it: each as deployed, of its own archive. */
export const coldstart: Bench = {
  name: 'coldstart',
  about: `process start to first answered request, each function of its own archive, its database behind ${DELAY_MS} ms; ${ROUNDS} rounds`,
  run: async ({ serve, organization, database }) => {
    const archives = await archive(`${outdir}/archives`, targets)
    const constant = constantIn(`${outdir}/archives/constant`)
    const { key, id } = await organization(await serve(gateway), 'acme')
    const delay = await serve('test/support/delay', { TARGET: new URL(database).host, DELAY_MS })
    const behind = environmentOf(Object.assign(new URL(database), { host: new URL(delay.url).host }).href)
    const startOf = (target: string): Promise<Start> => {
      const environment = { ...behind, FUNCTION_TARGET: target, EMBEDDING_PROVIDER: 'none' }
      const deployed = startDeployed(`${outdir}/archives/${target}`, target, environment)
      return measure(deployed, FIRST[target] ?? '/health/ready', PLATFORM.has(target) ? ADMIN_KEY : key)
    }
    const starts = new Map<string, Start[]>(['constant', ...targets].map(target => [target, []]))
    for (let round = 0; round < ROUNDS; round++) {
      starts.get('constant')?.push(await measure(startDeployed(constant, 'constant', {}), '/', id))
      for (const target of targets) starts.get(target)?.push(await startOf(target))
    }
    const first = (target: string) => median((starts.get(target) ?? []).map(({ milliseconds }) => milliseconds))
    const most = (target: string) => Math.max(...(starts.get(target) ?? []).map(({ peak }) => peak))
    const size = (target: string) => `${Math.ceil(statSync(archives[target]?.path ?? constant).size / 1024)} KB`
    const ratios = targets.map(target => first(target) / first('constant'))
    return {
      table: [
        ['', 'first answer ms', 'of the constant', 'most memory MB', 'archive'],
        ['a constant', first('constant').toFixed(0), '1.00', most('constant').toFixed(0), ''],
        ...targets.map((target, i) => [
          target,
          first(target).toFixed(0),
          ratios[i]?.toFixed(2) ?? '',
          most(target).toFixed(0),
          size(target),
        ]),
      ],
      targets: [
        { what: 'the slowest function / the constant', value: Math.max(...ratios), most: 1.5 },
        { what: 'the most memory of a function, MB', value: Math.max(...targets.map(most)), most: 200 },
      ],
    }
  },
}
