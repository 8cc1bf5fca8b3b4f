import { counterCollection } from '../../functions/agents/collections.ts'
import { memoryCounters } from '../../functions/agents/counters.memory.ts'
import { postgresCounters } from '../../functions/agents/counters.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
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
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  counterContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ counters: counterCollection() })),
  )
