import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Metric } from './metrics.schema.ts'
import type { Event, EventFilter } from './schema.ts'
import type { Interval } from './timeseries.schema.ts'

/** A new event. `created_at` is when it occurred, as `iso()` writes it. */
export type NewEvent = { id: string; event_type: string; event_data: { [key: string]: Json }; agent_id: string | null; created_at: string }

/** Why an event was not taken: it names an agent that was never there, or its month is over (retention). */
export type Refused = { index: number; reason: 'agent' | 'month' }

/** What became of some events: those that are neither accepted nor refused were there already. */
export type Ingested = { accepted: number; refused: Refused[] }

/** Events: taken once, never changed. */
export type EventStore = {
  /** Of several with one id the first counts, and none where that id was taken before. `at` is when they came in. */
  ingest(scope: Scope, events: NewEvent[], at: string): Promise<Ingested>
  /** The latest first. */
  list(scope: Scope, slice: Slice, filter: EventFilter): Promise<Page<Event>>
}

/** `ttl_seconds`: how long it holds; null is for good. */
export type NewMetric = { value: Json; ttl_seconds: number | null; at: string }

/** Metrics that somebody computed. What has expired by `at` is not there. Throws version_mismatch when `ifMatch` is not the metric's version. */
export type MetricStore = {
  get(scope: Scope, key: string, at: string): Promise<Row<Metric> | undefined>
  put(scope: Scope, key: string, metric: NewMetric, ifMatch: string | undefined): Promise<{ row: Row<Metric>; created: boolean }>
  /** The tombstone of what was removed. */
  remove(scope: Scope, key: string, at: string, ifMatch: string | undefined): Promise<Row<Metric> | undefined>
}

/** The refusal of an If-Match on what is not there. */
export const goneMetric = (key: string) => new Refusal('version_mismatch', `there is no metric ${key} any more`)

/** Whole buckets of local time in `tz`: the first holds `from`, the last ends at `to` or behind it. */
export type Series = {
  interval: Interval
  from: string
  to: string
  tz: string
  event_type: string | undefined
  group_by: 'event_type' | 'agent_id' | undefined
}

/** Counting is Postgres's alone. */
export type CountStore = {
  /** The body of the answer: `items` of bucket, group (where one is asked for) and count, none left out. Throws invalid_request. */
  series(scope: Scope, series: Series): Promise<string>
}

/** Reports are Postgres's alone: by the day (UTC), the latest day first. */
export type ReportStore = {
  /** The body of the answer: every report's name, and when it was refreshed. */
  list(scope: Scope): Promise<string>
  /**
   * The body of the answer, from the day of `from` to the day before that of `to`; undefined when there is no such report. Throws
   * invalid_request when that is too much.
   */
  get(scope: Scope, name: string, from: string, to: string): Promise<string | undefined>
}

export const eventMethods: Methods<EventStore> = {
  ingest: { kind: 'write', key: (events: NewEvent[]) => [...new Set(events.map(({ id }) => id))] },
  list: { kind: 'read' },
}

const itself = (key: string): string => key

export const metricMethods: Methods<MetricStore> = {
  get: { kind: 'read', key: itself },
  put: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
}
