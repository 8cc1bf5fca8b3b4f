import { setTimeout as wait } from 'node:timers/promises'
import type { Stage } from '../../shared/migration/stage.ts'
import { ask, everyItem, insist } from '../support/ask.ts'
import { type Child, startChild } from '../support/children.ts'
import { randomOf } from '../support/random.ts'
import { audit, type Ledger, makeLedger, type Sql } from './ledger.ts'
import { createAgent, nextWrite, TALKER, type Write, type Writer } from './writers.ts'

export type Crash = {
  /** The bundled gateway, and the environment that it runs in. */
  script: string
  environment: Record<string, string>
  adminKey: string
  sql: Sql
  seed: number
  /** How often the process is killed in each stage, in the order in which stages are walked. */
  kills: [Stage, number][]
}

/** `faults` is what should not be, in words; `slowestRestart` the milliseconds from a death until every collection was served again. */
export type Crashed = { kills: number; acknowledged: number; unknown: number; replayed: number; slowestRestart: number; faults: string[] }

const WRITERS = 20
const collections = ['agents', 'counters', 'conversations']
const pathOf = (collection: string) => (collection === 'counters' ? '/agents/counters' : `/${collection}`)

/** Kills a gateway under load again and again, in each stage of a migration, and looks each time whether what was acknowledged is there, once. */
export const crash = async ({ script, environment, adminKey, sql, seed, kills }: Crash): Promise<Crashed> => {
  const random = randomOf(seed)
  const start = () => startChild([script], { ...environment, MIGRATION_INITIAL_STAGE: kills[0]?.[0] as Stage })
  const found: Crashed = { kills: 0, acknowledged: 0, unknown: 0, replayed: 0, slowestRestart: 0, faults: [] }
  const ledger = makeLedger()
  const writers: Writer[] = Array.from({ length: WRITERS }, (_, i) => {
    return { name: `w${i}`, agents: [], conversations: [], counters: ['one', 'two', 'three'], serial: 0, random }
  })
  let child = await start()
  const platform = async (method: string, path: string, body?: unknown) => (await insist(child.url, adminKey, { method, path, body })).body
  try {
    const { organization, api_key } = await platform('POST', '/organizations', { name: 'Crashing' })
    const token: string = api_key.secret
    const talker = createAgent(ledger, TALKER)
    talker.done((await insist(child.url, token, talker)).body)
    for (const [stage, times] of kills) {
      for (const name of collections) await walkTo(stage, `/migration/collections/${name}`, platform)
      for (let round = 1; round <= times; round++) {
        const unanswered = await loadUntilKilled(child, token, ledger, writers, random, found)
        found.kills++
        const died = performance.now()
        child = await start()
        for (const name of collections) await insist(child.url, token, { method: 'GET', path: pathOf(name) })
        found.slowestRestart = Math.max(found.slowestRestart, performance.now() - died)
        for (const write of unanswered) await retry(child.url, token, write, found)
        const faults = [
          ...(await audit(ledger, organization.id, sql)),
          ...(stage === 'rampdown' ? [] : await compared(platform)),
          ...(await differs(child.url, token, ledger)),
        ]
        found.faults.push(...faults.map(fault => `${stage}, kill ${round}: ${fault}`))
      }
    }
    return found
  } finally {
    await child.kill()
  }
}

type Platform = (method: string, path: string, body?: unknown) => Promise<ReturnType<typeof JSON.parse>>

/** What memory has otherwise than Postgres. */
const compared = async (platform: Platform): Promise<string[]> => {
  const faults: string[] = []
  for (const name of collections) {
    const { equal, differences } = await platform('POST', `/migration/collections/${name}/verify`)
    if (!equal) faults.push(`${name} differ: ${JSON.stringify(differences)}`)
  }
  return faults
}

/** Brings a collection to a stage that is the next or the present one. */
const walkTo = async (stage: Stage, path: string, platform: Platform) => {
  const { stage: present } = await platform('GET', path)
  if (present === stage) return
  if (present !== 'dualwrite') await platform('POST', `${path}/verify`)
  const { epoch } = await platform('GET', path)
  await platform('POST', `${path}/stage`, { stage, expected_epoch: epoch })
}

/** Writes from every side, and kills the process at some moment; answers the writes with a key that had no answer. */
const loadUntilKilled = async (
  child: Child,
  token: string,
  ledger: Ledger,
  writers: Writer[],
  random: () => number,
  found: Crashed,
): Promise<Write[]> => {
  const unanswered: Write[] = []
  let dead: Promise<void> | undefined
  let left = 20 + Math.floor(random() * 200)
  const kill = async () => {
    await wait(random() * 5)
    await child.kill()
  }
  const work = async (writer: Writer) => {
    while (!dead) {
      if (!child.alive()) throw new Error('the process has died by itself')
      const write = nextWrite(ledger, writer)
      const answer = await ask(child.url, token, write)
      if (answer && answer.status < 300) {
        write.done(answer.body)
        found.acknowledged++
        if (--left === 0) dead = kill()
      } else if (answer && answer.status !== 503) throw new Error(`${write.method} ${write.path} answered ${JSON.stringify(answer)}`)
      else if (write.key) unanswered.push(write)
      else found.unknown++
    }
  }
  await Promise.all(writers.map(work))
  await dead
  return unanswered
}

/** The same request with the same key: done once, whatever the first one did. */
const retry = async (url: string, token: string, write: Write, found: Crashed): Promise<void> => {
  const answer = await insist(url, token, write)
  write.done(answer.body)
  found.acknowledged++
  if (answer.replayed) found.replayed++
}

/** Whether the service answers what the ledger, checked against Postgres, says. */
const differs = async (url: string, token: string, { agents, counters }: Ledger): Promise<string[]> => {
  const served = await everyItem<{ name: string; description: string }>(url, token, '/agents')
  const known = [...agents].map(([name, { may }]) => `${name} is ${may[0]}`)
  const same =
    served
      .map(({ name, description }) => `${name} is ${description}`)
      .sort()
      .join() === known.sort().join()
  const values = (await everyItem<{ name: string; value: number }>(url, token, '/agents/counters')).filter(
    ({ name, value }) => counters.get(name)?.acknowledged !== value,
  )
  return [
    ...(same ? [] : [`the ${served.length} agents that are served are not the ${known.length} that are there`]),
    ...values.map(({ name, value }) => `counter ${name} is served as ${value}`),
  ]
}
