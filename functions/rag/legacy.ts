import type { Collection } from '../../shared/db/legacy.ts'
import { removeStaleOfImport } from '../../shared/db/vectors.ts'

/** What becomes of a document that an import has changed: its pieces and their vectors are of another text. */
const gone = (table: string, document: string, and = 'true') => `delete from ${table} p using written w
where not w.fresh and p.organization_id = w.organization_id and p.${document} = w.id and ${and}`

/** `documents_store`: key -> document. It is cut up, and its vectors are made, by the job complete-embeddings. */
export const documents: Collection = {
  name: 'documents_store',
  table: 'rag_documents',
  entry: {
    id: 'id',
    fields: [
      { field: 'title', column: 'title', type: 'text', required: true },
      { field: 'content', column: 'content', type: 'text', required: true },
      { field: 'metadata', column: 'metadata', type: 'fields', absent: "'{}'" },
      { field: 'created_at', column: 'created_at', type: 'time' },
      { field: 'updated_at', column: 'updated_at', type: 'time' },
    ],
  },
  derived: { chunk_count: 'null::int', chunks_hash: 'null::text', embedding_state: "'pending'" },
  also: {
    chunks_gone: gone('rag_chunks', 'document_id'),
    vectors_gone: gone('item_vectors', 'item_id', "p.collection = 'documents'"),
  },
}

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
