import type { Collection } from '../../shared/migration/staged.ts'
import { documentTable, memoryDocuments } from './documents.memory.ts'
import { postgresDocuments } from './documents.postgres.ts'
import { documentReplica } from './documents.replica.postgres.ts'
import { type DocumentStore, documentMethods } from './documents.store.ts'
import { faqTable, memoryFaqs } from './faqs.memory.ts'
import { postgresFaqs } from './faqs.postgres.ts'
import { faqReplica } from './faqs.replica.postgres.ts'
import { type FaqStore, faqMethods } from './faqs.store.ts'

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

/** Questions with their answers as they were and as they are. */
export const faqCollection = (): Collection<FaqStore> => {
  const table = faqTable()
  return {
    name: 'faqs_store',
    memory: memoryFaqs(table),
    replica: table.replica,
    postgres: postgresFaqs,
    sql: faqReplica,
    methods: faqMethods,
    fallback: true,
  }
}
