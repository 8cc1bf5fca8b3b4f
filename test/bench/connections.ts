import { runChild } from '../support/children.ts'
import { makeRows } from '../support/mix.ts'
import { peakConnections } from '../support/peak.ts'
import type { Phase, Phased } from './children/openloop.ts'
import { type Bench, gateway, outdir } from './ground.ts'

const CLIENTS = Number(process.env.BENCH_CONNECTIONS_CLIENTS ?? 1000)
const SECONDS = Number(process.env.BENCH_CONNECTIONS_SECONDS ?? 60)
/** Connections of the process to the database. */
const POOL = process.env.BENCH_CONNECTIONS_POOL ?? '10'
const MOST_CONNECTIONS = 20
const NORMAL_MS = 100
const BACK_SECONDS = 10
const OVER_SECONDS = 15
/** Until all its connections are open and have been answered: it does not count, for us as for the constant. */
const WARM_UP_SECONDS = 3

/** Puts phases of load on a server, from a process of its own. */
const put = async (url: string, token: string, clients: number, phases: Phase[]): Promise<Phased[]> => {
  const environment = { URL: url, TOKEN: token, CLIENTS: String(clients), PHASES: JSON.stringify(phases) }
  return JSON.parse(await runChild(['--enable-source-maps', `${outdir}/test/bench/children/openloop.js`], environment))
}

const refusals = ({ statuses }: Phased): number =>
  Object.entries(statuses).reduce((sum, [status, n]) => (status < '300' ? sum : sum + n), 0)

/** Answers that nobody should get: none, an error other than 503, a 503 that does not say when to come again. */
export const wrong = ({ statuses, lost, bare }: Phased): number =>
  Object.entries(statuses).reduce((sum, [status, n]) => (status < '300' || status === '503' ? sum : sum + n), lost + bare)

/** Seconds until all are served within NORMAL_MS, and stay so. */
const secondsUntilNormal = ({ seconds }: Phased): number => seconds.findLastIndex(({ p99, refused }) => refused > 0 || p99 > NORMAL_MS) + 1

const cells = (phased: Phased): string[] => [
  String(Math.round(phased.rate)),
  phased.p50.toFixed(1),
  phased.p99.toFixed(1),
  phased.most.toFixed(0),
  String(refusals(phased)),
  String(wrong(phased)),
]

/** Many keep-alive clients at a constant arrival rate, below what is served at most and beyond it. */
export const connections: Bench = {
  name: 'connections',
  about: `${CLIENTS} keep-alive clients, reads and writes at a constant arrival rate, ${POOL} database connections; times from when a request was due`,
  run: async ({ database, serve, organization, call }) => {
    const ours = await serve(gateway, { DB_POOL_SIZE: POOL })
    const { key } = await organization(ours, 'acme')
    await makeRows(call(ours, key))
    const peak = await peakConnections(database)
    const [, most] = (await put(ours.url, key, 64, [
      { rate: 0, seconds: 5 },
      { rate: 0, seconds: 10 },
    ])) as [Phased, Phased]
    const rate = Math.round(most.rate * 0.6)
    const [, steady, over, back] = (await put(ours.url, key, CLIENTS, [
      { rate, seconds: WARM_UP_SECONDS },
      { rate, seconds: SECONDS },
      { rate: Math.round(most.rate * 2), seconds: OVER_SECONDS },
      { rate, seconds: BACK_SECONDS },
    ])) as [Phased, Phased, Phased, Phased]
    const connected = await peak.stop()
    const constant = await serve('test/bench/children/constant', { BODY: JSON.stringify({ id: 'agent', name: 'x'.repeat(400) }) })
    const [, bare] = (await put(constant.url, key, CLIENTS, [
      { rate, seconds: WARM_UP_SECONDS },
      { rate, seconds: 20 },
    ])) as [Phased, Phased]
    return {
      table: [
        ['', 'served/s', 'p50 ms', 'p99 ms', 'most ms', 'refused', 'wrong'],
        ['64 clients, as fast as they are answered', ...cells(most)],
        [`60 %: ${rate}/s`, ...cells(steady)],
        ['a constant at that rate', ...cells(bare)],
        [`200 %: ${Math.round(most.rate * 2)}/s`, ...cells(over)],
        ['60 % again', ...cells(back)],
      ],
      targets: [
        { what: '60 %: requests not served', value: refusals(steady) + steady.lost, most: 0 },
        { what: '60 %: p99 ms', value: steady.p99, most: NORMAL_MS },
        { what: "60 %: p99 beside the constant's", value: steady.p99 / bare.p99 },
        { what: '200 %: answers that are neither served nor 503 with Retry-After', value: wrong(over), most: 0 },
        { what: '200 %: p99 ms of what is served', value: over.p99, most: 1000 },
        { what: '200 %: served/s, beside the most', value: over.rate / most.rate, least: 0.7 },
        { what: 'seconds until it is as before', value: secondsUntilNormal(back), most: 5 },
        { what: 'database connections at the most', value: connected, least: 1, most: MOST_CONNECTIONS },
      ],
    }
  },
}
