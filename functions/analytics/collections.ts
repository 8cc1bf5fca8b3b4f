import type { Collection } from '../../shared/migration/staged.ts'
import { eventTable, memoryEvents } from './memory.ts'
import { memoryMetrics, metricTable } from './metrics.memory.ts'
import { postgresMetrics } from './metrics.postgres.ts'
import { postgresEvents } from './postgres.ts'
import { eventReplica, metricReplica } from './replica.postgres.ts'
import { type EventStore, eventMethods, type MetricStore, metricMethods } from './store.ts'

/** Events as they were, a list of each agent's, and as they are: an entry here is one event. */
export const eventCollection = (): Collection<EventStore> => {
  const table = eventTable()
  return {
    name: 'analytics_data',
    memory: memoryEvents(table),
    replica: table.replica,
    postgres: postgresEvents,
    sql: eventReplica,
    methods: eventMethods,
    fallback: true,
  }
}

/** Metrics as they were and as they are. */
export const metricCollection = (): Collection<MetricStore> => {
  const table = metricTable()
  return {
    name: 'metrics_cache',
    memory: memoryMetrics(table),
    replica: table.replica,
    postgres: postgresMetrics,
    sql: metricReplica,
    methods: metricMethods,
    fallback: true,
  }
}
