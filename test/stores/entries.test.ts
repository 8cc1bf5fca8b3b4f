import { entryCollection } from '../../functions/knowledge/collections.ts'
import { memoryEntries } from '../../functions/knowledge/entries.memory.ts'
import { postgresEntries } from '../../functions/knowledge/entries.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { entryContract } from './entries.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

entryContract(
  'in memory',
  inMemory(() => ({ entries: memoryEntries() })),
)
entryContract(
  'in Postgres',
  onPostgres(db => ({ entries: postgresEntries(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  entryContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ entries: entryCollection() })),
  )
