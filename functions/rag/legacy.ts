import type { Collection } from '../../shared/db/legacy.ts'
import { removeStaleOfImport } from '../../shared/db/vectors.ts'

/** `faqs_store`: key -> question. The category may be null; of its moment the dictionary knew nothing. */
export const faqsStore: Collection = {
  name: 'faqs_store',
  table: 'faqs',
  entry: {
    id: 'id',
    fields: [
      { field: 'question', column: 'question', type: 'text', required: true },
      { field: 'answer', column: 'answer', type: 'text', required: true },
      { field: 'category', column: 'category', type: 'text' },
    ],
  },
  derived: { embedding_state: "'pending'" },
  also: { stale: removeStaleOfImport('faqs') },
}
