import { eventCollection } from '../../functions/analytics/collections.ts'
import { memoryEvents } from '../../functions/analytics/memory.ts'
import { postgresEvents } from '../../functions/analytics/postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { eventContract } from './events.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

eventContract(
  'in memory',
  inMemory(() => ({ events: memoryEvents() })),
)
eventContract(
  'in Postgres',
  onPostgres(db => ({ events: postgresEvents(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  eventContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ events: eventCollection() })),
  )
