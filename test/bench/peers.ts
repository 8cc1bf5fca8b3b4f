import { databaseUrl } from '../support/global.ts'
import { type Load, median } from '../support/load.ts'
import type { Bench } from './ground.ts'
import { install, lacksRegistry, NODE_VERSION } from './peers/install.ts'
import { type Cell, phase, type Workload, workloads } from './peers/phase.ts'
import { BULK } from './peers/rows.ts'
import { prepare, startedBy } from './peers/servers.ts'
import type { Found, Target } from './report.ts'

const POOL = Number(process.env.BENCH_PEERS_POOL ?? 10)
const BULK_TIMES = 20
const PEERS = ['PostGraphile 5', 'Parse Server 9']

/**
 * Ours beside what one would take instead, in one run: on the same Node (the newest that each says it runs on), PostgreSQL server, rows (10,000
 * agents in each of five organizations), number of connections to the database, load generator (autocannon, 50 connections; in bulk four
 * callers of 1,000 rows a request), in turn, the medians of the rounds. Once beside PostgreSQL and once with 1 ms each way before it.
 *
 * What each does for a request, besides its statement:
 * - the constant: nothing, in functions-framework's Express app; ours is reached past that app.
 * - ours: the key's hash looked up in the database, row-level security, roles, a limit of requests, a bounded queue, checked bodies, ETag, audit.
 *   A read by id asks PostgreSQL for the version, and for the JSON where the copy at hand is of another one.
 * - express + pg: the same look-up, row-level security and audit, in four round trips; no limits, no ETag, no checks but PostgreSQL's.
 * - PostGraphile: row-level security and audit on the same table; its keys are known in memory. Its operations are persisted.
 * - Parse Server: a table of its own, one key in memory, no tenant but a filter of the list, no row-level security, no audit.
 *
 * In bulk a peer is counted by its faster way: a request of 1,000 rows, or 1,000 requests of one by 50 connections. One insert by hand is what
 * ours comes to as well: no ratio is asked of it. Ours makes records of a table that a user defined, the others agents. BENCH_PEERS_SECONDS (10), BENCH_PEERS_ROUNDS (3),
 * BENCH_PEERS_POOL (10, the peers' own default) and BENCH_PEERS_DIR (where the packages stay) shape it; whole it takes about 20 minutes.
 */
export const peers: Bench = {
  name: 'peers',
  about: `ours beside express + pg, PostGraphile 5 and Parse Server 9: 50 connections, ${POOL} to the database; in bulk 4 callers, 1,000 rows a request`,
  lacks: async () => lacksRegistry(),
  run: async ground => {
    const installed = install()
    const database = `${new URL(ground.database).pathname.slice(1)}_parse`
    const setting = { installed, pool: POOL, parse: databaseUrl(ground.database, database) }
    const { start, stop } = startedBy(setting)
    try {
      await ground.sql(`create database ${database}`)
      const keys = await prepare(ground, setting, start).finally(stop)
      const near = await phase(ground, setting, keys, 'near')
      return found(near, await phase(ground, setting, keys, 'far'))
    } finally {
      await ground.sql(`drop database if exists ${database} with (force)`)
      installed.remove()
    }
  },
}

const found = (near: Cell[], far: Cell[]): Found => ({
  table: [
    [`node ${NODE_VERSION}`, 'requests/s', 'p50 ms', 'p99 ms', 'ours / it', '1 ms each way: /s', 'p50 ms', 'p99 ms', 'ours / it'],
    ...near.map(({ workload, server }) => [`${workload}: ${server}`, ...cells(near, workload, server), ...cells(far, workload, server)]),
  ],
  targets: [
    { what: 'read by id: ours / the constant', value: ratio(near, 'read by id', 'a constant'), least: 0.85 },
    ...targets('', near, 2),
    ...targets(', 1 ms each way', far, 3),
  ],
})

const roundsOf = (phase: Cell[], workload: Workload, server: string): Load[] =>
  phase.find(cell => cell.workload === workload && cell.server === server)?.rounds ?? []

const cells = (phase: Cell[], workload: Workload, server: string): string[] => {
  const rounds = roundsOf(phase, workload, server)
  if (rounds.length === 0) return ['', '', '', '']
  const of = (part: keyof Load, digits: number) => median(rounds.map(round => round[part])).toFixed(digits)
  return [of('rate', workload === 'bulk' ? 2 : 0), of('p50', 0), of('p99', 0), ratio(phase, workload, server).toFixed(2)]
}

/** Ours / a server: the median of the rounds' ratios. */
const ratio = (phase: Cell[], workload: Workload, server: string): number => {
  const theirs = roundsOf(phase, workload, server)
  const oneByOne = workload === 'bulk' ? roundsOf(phase, 'create', server) : []
  const rateOf = (i: number) => Math.max((theirs[i] as Load).rate, (oneByOne[i]?.rate ?? 0) / BULK)
  return median(roundsOf(phase, workload, 'ours').map(({ rate }, i) => rate / rateOf(i)))
}

const targets = (where: string, phase: Cell[], least: number): Target[] =>
  workloads.flatMap(workload =>
    PEERS.map(peer => ({
      what: `${workload}${where}: ours / ${peer}`,
      value: ratio(phase, workload, peer),
      least: workload === 'bulk' ? BULK_TIMES : least,
    })),
  )
