import { documentCollection } from '../../functions/rag/collections.ts'
import { memoryDocuments } from '../../functions/rag/documents.memory.ts'
import { postgresDocuments } from '../../functions/rag/documents.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { documentContract } from './documents.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

documentContract(
  'in memory',
  inMemory(() => ({ documents: memoryDocuments() })),
)
documentContract(
  'in Postgres',
  onPostgres(db => ({ documents: postgresDocuments(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  documentContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ documents: documentCollection() })),
  )
