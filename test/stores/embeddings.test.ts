import { embeddingCollection } from '../../functions/knowledge/collections.ts'
import { memoryEmbeddings } from '../../functions/knowledge/embeddings.memory.ts'
import { postgresEmbeddings } from '../../functions/knowledge/embeddings.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { embeddingContract } from './embeddings.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

embeddingContract(
  'in memory',
  inMemory(() => ({ embeddings: memoryEmbeddings() })),
)
embeddingContract(
  'in Postgres',
  onPostgres(db => ({ embeddings: postgresEmbeddings(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  embeddingContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ embeddings: embeddingCollection() })),
  )
