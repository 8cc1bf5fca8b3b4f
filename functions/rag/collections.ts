import type { Collection } from '../../shared/migration/staged.ts'
import { documentTable, memoryDocuments } from './documents.memory.ts'
import { postgresDocuments } from './documents.postgres.ts'
import { documentReplica } from './documents.replica.postgres.ts'
import { type DocumentStore, documentMethods } from './documents.store.ts'

/** Documents as they were and as they are. */
export const documentCollection = (): Collection<DocumentStore> => {
  const table = documentTable()
  return {
    name: 'documents_store',
    memory: memoryDocuments(table),
    replica: table.replica,
    postgres: postgresDocuments,
    sql: documentReplica,
    methods: documentMethods,
    fallback: true,
  }
}
