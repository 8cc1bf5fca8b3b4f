import type { Collection } from '../../shared/migration/staged.ts'
import { embeddingTable, memoryEmbeddings } from './embeddings.memory.ts'
import { embeddingReplica, postgresEmbeddings } from './embeddings.postgres.ts'
import { type EmbeddingStore, embeddingMethods } from './embeddings.store.ts'

/** Vectors as they were and as they are. */
export const embeddingCollection = (): Collection<EmbeddingStore> => {
  const table = embeddingTable()
  return {
    name: 'embeddings_cache',
    memory: memoryEmbeddings(table),
    replica: table.replica,
    postgres: postgresEmbeddings,
    sql: embeddingReplica,
    methods: embeddingMethods,
    fallback: true,
  }
}
