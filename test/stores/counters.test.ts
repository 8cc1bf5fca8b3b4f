import { counterCollection } from '../../functions/agents/collections.ts'
import { memoryCounters } from '../../functions/agents/counters.memory.ts'
import { postgresCounters } from '../../functions/agents/counters.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { counterContract } from './counters.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

counterContract(
  'in memory',
  inMemory(() => ({ counters: memoryCounters() })),
)
counterContract(
  'in Postgres',
  onPostgres(db => ({ counters: postgresCounters(db) })),
)
for (const stage of stages)
  counterContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ counters: counterCollection() })),
  )
