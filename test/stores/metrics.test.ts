import { metricCollection } from '../../functions/analytics/collections.ts'
import { memoryMetrics } from '../../functions/analytics/metrics.memory.ts'
import { postgresMetrics } from '../../functions/analytics/metrics.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { metricContract } from './metrics.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

metricContract(
  'in memory',
  inMemory(() => ({ metrics: memoryMetrics() })),
)
metricContract(
  'in Postgres',
  onPostgres(db => ({ metrics: postgresMetrics(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  metricContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ metrics: metricCollection() })),
  )
