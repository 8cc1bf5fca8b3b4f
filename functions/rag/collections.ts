import type { Collection } from '../../shared/migration/staged.ts'
import { faqTable, memoryFaqs } from './faqs.memory.ts'
import { postgresFaqs } from './faqs.postgres.ts'
import { faqReplica } from './faqs.replica.postgres.ts'
import { type FaqStore, faqMethods } from './faqs.store.ts'

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
