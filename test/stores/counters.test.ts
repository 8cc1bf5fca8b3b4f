import { memoryCounters } from '../../functions/agents/counters.memory.ts'
import { postgresCounters } from '../../functions/agents/counters.postgres.ts'
import { counterContract } from './counters.contract.ts'
import { inMemory, onPostgres } from './support.ts'

counterContract(
  'in memory',
  inMemory(nextVersion => ({ counters: memoryCounters(nextVersion) })),
)
counterContract(
  'in Postgres',
  onPostgres(db => ({ counters: postgresCounters(db) })),
)
