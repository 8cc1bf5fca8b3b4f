import type { Json } from '../../shared/json.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Metric } from './metrics.schema.ts'
import { goneMetric, type MetricStore } from './store.ts'

/** A metric as it is kept; its time to live is decimal text. */
type Kept = {
  id: string
  organization_id: string
  value: Json
  computed_at: string
  ttl_seconds: string | null
  expires_at: string | null
  extra?: unknown
  created_at: string
  updated_at: string
}
export type MetricTable = Table<Kept, Metric>

export const metricTable = (): MetricTable =>
  makeTable({
    render: ({ id, value, computed_at, expires_at }) => ({ key: id, value, computed_at, expires_at }),
    keyOf: ({ id }) => [id],
    order: 'up',
  })

const holds = ({ expires_at }: Kept, at: string): boolean =>
  expires_at === null || (byTime([expires_at])[0] as string) > (byTime([at])[0] as string)

const later = (at: string, seconds: number): string => new Date(Date.parse(at) + seconds * 1000).toISOString()

/** Metrics in this process: what the dictionary did. */
export const memoryMetrics = (table: MetricTable = metricTable()): MetricStore => {
  const present = (organization: string, key: string, at: string): Kept | undefined => {
    const kept = table.peek(organization, key)
    return kept && holds(kept, at) ? kept : undefined
  }
  return {
    get: async ({ organization_id }, key, at) => present(organization_id, key, at) && table.get(organization_id, key),
    put: async ({ organization_id }, key, { value, ttl_seconds, at }, ifMatch) => {
      const kept = present(organization_id, key, at)
      if (!kept && ifMatch !== undefined) throw goneMetric(key)
      const lasting = { ttl_seconds: ttl_seconds && String(ttl_seconds), expires_at: ttl_seconds && later(at, ttl_seconds) }
      const metric = { id: key, organization_id, value, computed_at: at, ...lasting, created_at: kept?.created_at ?? at, updated_at: at }
      return { row: table.put(organization_id, key, () => metric as Kept, ifMatch) as Row<Metric>, created: !kept }
    },
    remove: async ({ organization_id }, key, at, ifMatch) =>
      present(organization_id, key, at) && table.remove(organization_id, key, kept => ({ ...kept, updated_at: at }), ifMatch),
  }
}
