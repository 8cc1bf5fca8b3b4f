import type { Load } from '../../support/load.ts'
import type { Ground } from '../ground.ts'
import { check, send } from './check.ts'
import { load, loadInBulk } from './loads.ts'
import type { Asks, Keys } from './peer.ts'
import { BULK, READER, read } from './rows.ts'
import { type Running, type Setting, startAll, startConstant, startDelay, startedBy } from './servers.ts'

const SECONDS = Number(process.env.BENCH_PEERS_SECONDS ?? 10)
const ROUNDS = Number(process.env.BENCH_PEERS_ROUNDS ?? 3)
const WARM_UP_SECONDS = Math.min(4, SECONDS)

export const workloads = ['read by id', 'list 50', 'create', 'bulk'] as const
export type Workload = (typeof workloads)[number]

/** What a server did of a workload, round by round. */
export type Cell = { workload: Workload; server: string; rounds: Load[] }

type Put = (seconds: number) => Promise<Load>

/** Every workload on every server, in turn: beside PostgreSQL (`near`), or with 1 ms each way before it (`far`). */
export const phase = async (ground: Ground, setting: Setting, keys: Keys, distance: 'near' | 'far'): Promise<Cell[]> => {
  const { start, stop } = startedBy(setting)
  try {
    const through = distance === 'near' ? (url: string) => url : await startDelay(start, ground.database)
    const servers = await startAll(ground, setting, keys, distance, through, start)
    for (const { url, asks, isolates } of servers) await check(url, asks, isolates)
    const cells: Cell[] = []
    for (const workload of workloads) {
      const puts = new Map<string, Put>(servers.map(server => [server.name, seconds => put(workload, server, seconds)]))
      const [us] = servers
      if (workload === 'read by id' && distance === 'near' && us) {
        const constant = await startConstant(start, await send(us.url, us.asks.get(READER, 1)))
        puts.set('a constant', seconds => load(constant, reads(us.asks), seconds))
      }
      cells.push(...(await inTurn(workload, puts)))
    }
    return cells
  } finally {
    await stop()
  }
}

const inTurn = async (workload: Workload, puts: Map<string, Put>): Promise<Cell[]> => {
  for (const put of puts.values()) await put(WARM_UP_SECONDS)
  const cells = [...puts.keys()].map((server): Cell => ({ workload, server, rounds: [] }))
  for (let round = 0; round < ROUNDS; round++)
    for (const { server, rounds } of round % 2 === 0 ? cells : cells.toReversed()) rounds.push(await (puts.get(server) as Put)(SECONDS))
  return cells
}

const reads = (asks: Asks) => read.map(n => asks.get(READER, n))

const put = (workload: Workload, server: Running, seconds: number): Promise<Load> => {
  const { url, asks } = server
  switch (workload) {
    case 'read by id':
      return load(url, reads(asks), seconds)
    case 'list 50':
      return load(url, [asks.list], seconds)
    case 'create':
      return kept(server, false, () => load(url, [asks.create], seconds))
    case 'bulk':
      return kept(server, true, () => loadInBulk(url, asks, seconds))
  }
}

/** Throws unless what was acknowledged is there: what was asked for and not waited for may be there too. */
const kept = async (server: Running, bulk: boolean, work: () => ReturnType<typeof load>): Promise<Load> => {
  const before = await server.written(bulk)
  const found = await work()
  const [made, answered] = [(await server.written(bulk)) - before, found.answers * (bulk ? BULK : 1)]
  if (made < answered || made > answered + 60) throw new Error(`${server.name}: ${answered} rows were acknowledged, and ${made} are there`)
  return found
}
