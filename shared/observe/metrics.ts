import { type Collected, counterOf, histogramOf, type Labels, type Metric, type Value } from './instruments.ts'
import { type Log, makeLog } from './log.ts'
import { prometheusText } from './prometheus.ts'

/** What a process measures. Durations are seconds; every label has few values. */
export type Metrics = {
  /** One round trip of a statement: its name, how long, and how it ended. */
  query(statement: string, seconds: number, outcome: 'ok' | 'error'): void
  request(route: string, status: number, seconds: number): void
  /** One run of a job, in this process. */
  job(name: string, seconds: number, outcome: 'succeeded' | 'failed'): void
  /** One request to Redis. */
  redis(seconds: number, outcome: 'ok' | 'error'): void
  /** What a tier of a cache had: `stale` is an older version, given because a newer one could not be loaded. */
  cache(name: string, tier: Tier, outcome: 'hit' | 'miss' | 'error' | 'stale', count?: number): void
  /** Reads a gauge whenever metrics are collected: one value, or one for each of its labels. The last one of a name is read. */
  gauge(name: string, description: string, read: () => Reading | Promise<Reading>): void
  /** Everything so far; what was never measured is left out. */
  collect(): Promise<Collected>
  /** The same as Prometheus text (version 0.0.4). */
  text(): Promise<string>
}

export type Reading = number | readonly (readonly [labels: Labels, value: number])[]

/** Where a value may be: in this process, in Redis, or where it is loaded from. */
export type Tier = 'process' | 'redis' | 'source'

const LATENCY_BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
const RUN_BOUNDS = [0.1, 1, 10, 60, 300, 1800]

const pointsOf = (reading: Reading): Value[] =>
  typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading.map(([labels, value]) => ({ labels, value }))

/** The metrics of this process. */
export const makeMetrics = (log: Log = makeLog('warning', undefined)): Metrics => {
  const since = Date.now()
  const queries = histogramOf('db_query_duration_seconds', 'Round trips to Postgres by statement', LATENCY_BOUNDS)
  const requests = histogramOf('http_request_duration_seconds', 'Requests by route and status', LATENCY_BOUNDS)
  const runs = histogramOf('job_duration_seconds', 'Runs of jobs by their outcome', RUN_BOUNDS)
  const asked = histogramOf('redis_request_duration_seconds', 'Requests to Redis', LATENCY_BOUNDS)
  const looks = counterOf('cache_looks', 'What the tiers of caches had')
  const gauges = new Map<string, () => Promise<Metric[]>>()
  const collect = async (): Promise<Collected> => {
    const read = await Promise.all([...gauges.values()].map(gauge => gauge()))
    const metrics = [...[queries, requests, runs, asked, looks].map(one => one.read()), ...read.flat()]
    return { since, until: Date.now(), metrics: metrics.filter(({ points }) => points.length > 0) }
  }
  return {
    query: (statement, seconds, outcome) => queries.record(seconds, { statement, outcome }),
    request: (route, status, seconds) => requests.record(seconds, { route, status }),
    job: (name, seconds, outcome) => runs.record(seconds, { job: name, outcome }),
    redis: (seconds, outcome) => asked.record(seconds, { outcome }),
    cache: (cache, tier, outcome, count = 1) => looks.add(count, { cache, tier, outcome }),
    gauge: (name, description, read) => {
      gauges.set(name, async () => {
        try {
          return [{ name, description, kind: 'gauge', points: pointsOf(await read()) }]
        } catch (error) {
          log('warning', 'a metric could not be read', { metric: name, error })
          return []
        }
      })
    },
    collect,
    text: async () => prometheusText(await collect()),
  }
}
