import type { Collection } from '../../shared/migration/staged.ts'
import { embeddingTable, memoryEmbeddings } from './embeddings.memory.ts'
import { embeddingReplica, postgresEmbeddings } from './embeddings.postgres.ts'
import { type EmbeddingStore, embeddingMethods } from './embeddings.store.ts'
import { entryTable, memoryEntries } from './entries.memory.ts'
import { postgresEntries } from './entries.postgres.ts'
import { entryReplica } from './entries.replica.postgres.ts'
import { type EntryStore, entryMethods } from './entries.store.ts'

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

/** Entries of knowledge as they were and as they are. */
export const entryCollection = (): Collection<EntryStore> => {
  const table = entryTable()
  return {
    name: 'knowledge_base',
    memory: memoryEntries(table),
    replica: table.replica,
    postgres: postgresEntries,
    sql: entryReplica,
    methods: entryMethods,
    fallback: true,
  }
}
