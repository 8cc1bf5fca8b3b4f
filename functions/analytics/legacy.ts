import type { Collection } from '../../shared/db/legacy.ts'
import { importMonths } from './legacy.postgres.ts'

/**
 * `analytics_data`: agent -> list of events. Each is an event of its own, never taken for another by its content; what came over the
 * API follows what was imported, and events of no agent have no place in it. A month that retention has closed is quarantined.
 */
export const events: Collection = {
  name: 'analytics_data',
  table: 'analytics_events',
  entry: {
    fields: [
      { field: 'event', column: 'event_type', type: 'text', required: true },
      { field: 'properties', column: 'event_data', type: 'json' },
      { field: 'timestamp', column: 'created_at', type: 'time' },
    ],
  },
  nested: {
    kind: 'list',
    key: 'agent_id',
    id: "'legacy:' || key || ':' || place",
    order: String.raw`case when r.extra ? 'imported' then substring(r.id from ':(\d+)$')::bigint end nulls last, r.version`,
  },
  only: 'r.agent_id is not null',
  fixed: true,
  claims: 'analytics_event_keys',
  before: importMonths,
}

/** `metrics_cache`: key -> value, when it was computed, and for how many seconds it holds. */
export const metrics: Collection = {
  name: 'metrics_cache',
  table: 'metrics_cache',
  entry: {
    fields: [
      { field: 'value', column: 'value', type: 'json', absent: "'null'" },
      { field: 'computed_at', column: 'computed_at', type: 'time' },
      { field: 'ttl', column: 'ttl_seconds', type: 'number' },
    ],
  },
}
