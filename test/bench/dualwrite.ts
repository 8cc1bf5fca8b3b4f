import { migrate } from '../../shared/db/migrate.ts'
import { insist } from '../support/ask.ts'
import type { Child } from '../support/children.ts'
import { type Asking, type Times, timed } from '../support/closed.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import { median } from '../support/load.ts'
import { AGENT, type Bench, type Ground, gateway } from './ground.ts'

const STAGES = ['complete', 'dualwrite', 'shadow', 'live', 'rampdown'] as const
type StageName = (typeof STAGES)[number]
const CLIENTS = 8
const WARMING_MS = 2000
/** Short turns, and many: what else the machine does then meets all stages alike. */
const MILLISECONDS = 250
const ROUNDS = 40

const WRITES = ['PATCH an agent', 'POST an increment'] as const
type Requests = Record<(typeof WRITES)[number], Asking[]>

/** What a write costs while a collection moves, beside what it costs when it has moved. */
export const dualwrite: Bench = {
  name: 'dualwrite',
  about: `writes in each stage, in turn, there and back, ${ROUNDS} rounds of ${MILLISECONDS} ms; ${CLIENTS} clients, each with a record of its own; medians of the rounds`,
  run: async ground => {
    const names = STAGES.map(stage => `${new URL(ground.database).pathname.slice(1)}_${stage}`)
    const children: Child[] = []
    try {
      const requests = new Map<StageName, Requests>()
      for (const [i, stage] of STAGES.entries()) requests.set(stage, await serveAt(ground, children, stage, names[i] as string))
      return await measure(requests)
    } finally {
      for (const child of children) await child.stop()
      for (const name of names) await onServer(ground.database, client => client.query(`drop database if exists ${name} with (force)`))
    }
  },
}

/** A gateway on a database of its own, every collection at `stage`. */
const serveAt = async ({ serve, organization, database }: Ground, children: Child[], stage: StageName, name: string): Promise<Requests> => {
  await onServer(database, client => client.query(`create database ${name}`))
  const own = databaseUrl(database, name)
  await onServer(own, client => migrate(client, migrationsDir))
  const child = await serve(gateway, { DATABASE_URL: own, MIGRATION_INITIAL_STAGE: stage })
  children.push(child)
  const { key } = await organization(child, 'acme')
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const requests: Requests = { 'PATCH an agent': [], 'POST an increment': [] }
  for (let i = 0; i < CLIENTS; i++) {
    const { body } = await insist(child.url, key, { method: 'POST', path: '/agents', body: JSON.parse(AGENT) })
    requests['PATCH an agent'].push({ method: 'PATCH', url: `${child.url}/agents/${body.id}`, headers, body: '{"description":"Changed"}' })
    requests['POST an increment'].push({ method: 'POST', url: `${child.url}/agents/counters/c${i}/increment`, headers, body: '{"by":1}' })
  }
  return requests
}

const measure = async (requests: Map<StageName, Requests>) => {
  for (const stage of STAGES) for (const write of WRITES) await timed(requests.get(stage)?.[write] ?? [], WARMING_MS)
  const found = new Map<string, Times[]>()
  for (let round = 0; round < ROUNDS; round++)
    for (const write of WRITES)
      for (const stage of round % 2 === 0 ? STAGES : STAGES.toReversed()) {
        const times = await timed(requests.get(stage)?.[write] ?? [], MILLISECONDS)
        const rounds = found.get(`${stage} ${write}`) ?? []
        found.set(`${stage} ${write}`, [...rounds, times])
      }
  const of = (stage: StageName, write: string, part: keyof Times) => (found.get(`${stage} ${write}`) ?? []).map(times => times[part])
  const against = (stage: StageName, write: string) => {
    const complete = of('complete', write, 'p50')
    return median(of(stage, write, 'p50').map((p50, round) => p50 / (complete[round] as number)))
  }
  return {
    table: [
      ['', 'writes/s', 'p50 ms', 'p99 ms', 'p50 / complete'],
      ...WRITES.flatMap(write =>
        STAGES.map(stage => [
          `${write}, ${stage}`,
          String(Math.round((median(of(stage, write, 'count')) * 1000) / MILLISECONDS)),
          median(of(stage, write, 'p50')).toFixed(2),
          median(of(stage, write, 'p99')).toFixed(2),
          against(stage, write).toFixed(3),
        ]),
      ),
    ],
    targets: WRITES.map(write => ({ what: `${write}: p50 in dualwrite / in complete`, value: against('dualwrite', write), most: 1.15 })),
  }
}
