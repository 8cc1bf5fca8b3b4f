import type { Meter } from '@opentelemetry/api'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { type Log, makeLog } from './log.ts'

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
  /** Reads a gauge whenever metrics are collected: one value, or one for each of its labels. */
  gauge(name: string, description: string, read: () => Reading | Promise<Reading>): void
  /** Everything so far, as OpenTelemetry has it. */
  collect(): Promise<ResourceMetrics>
  /** The same as Prometheus text (version 0.0.4). */
  text(): Promise<string>
}

export type Reading = number | readonly (readonly [labels: Record<string, string>, value: number])[]

/** Where a value may be: in this process, in Redis, or where it is loaded from. */
export type Tier = 'process' | 'redis' | 'source'

const LATENCY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
const RUN_BUCKETS = [0.1, 1, 10, 60, 300, 1800]

/** Collects when it is asked to, and has nothing to flush or to close. */
class OnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Counts what caches had by itself, told when it is asked for: every read of a copy counts, and the library takes 2 us for one. */
const looksOf = (meter: Meter): Metrics['cache'] => {
  const looks = new Map<string, { labels: Record<string, string>; count: number }>()
  meter.createObservableCounter('cache_looks', { description: 'What the tiers of caches had' }).addCallback(result => {
    for (const { labels, count } of looks.values()) result.observe(count, labels)
  })
  return (cache, tier, outcome, count = 1) => {
    const name = `${tier} ${outcome} ${cache}`
    const look = looks.get(name)
    if (look) look.count += count
    else looks.set(name, { labels: { cache, tier, outcome }, count })
  }
}

/** Metrics of this process over OpenTelemetry. Their text is the work of a package that is loaded when somebody asks for it. */
export const makeMetrics = (log: Log = makeLog('warning', undefined)): Metrics => {
  const reader = new OnDemand()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('agenthub')
  const histogram = (name: string, description: string, explicitBucketBoundaries: number[]) =>
    meter.createHistogram(name, { description, advice: { explicitBucketBoundaries } })
  const queries = histogram('db_query_duration_seconds', 'Round trips to Postgres by statement', LATENCY_BUCKETS)
  const requests = histogram('http_request_duration_seconds', 'Requests by route and status', LATENCY_BUCKETS)
  const runs = histogram('job_duration_seconds', 'Runs of jobs by their outcome', RUN_BUCKETS)
  const asked = histogram('redis_request_duration_seconds', 'Requests to Redis', LATENCY_BUCKETS)
  const cache = looksOf(meter)
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect()
    for (const error of errors) log('warning', 'a metric could not be read', { error })
    return resourceMetrics
  }
  return {
    query: (statement, seconds, outcome) => queries.record(seconds, { statement, outcome }),
    request: (route, status, seconds) => requests.record(seconds, { route, status }),
    job: (name, seconds, outcome) => runs.record(seconds, { job: name, outcome }),
    redis: (seconds, outcome) => asked.record(seconds, { outcome }),
    cache,
    gauge: (name, description, read) => {
      meter.createObservableGauge(name, { description }).addCallback(async result => {
        const reading = await read()
        for (const [labels, value] of typeof reading === 'number' ? [[{}, reading] as const] : reading) result.observe(value, labels)
      })
    },
    collect,
    text: async () => {
      const { PrometheusSerializer } = await import('@opentelemetry/exporter-prometheus')
      return new PrometheusSerializer().serialize(await collect())
    },
  }
}
