import type { Collection } from '../../shared/db/legacy.ts'
import { removeStaleOfImport } from '../../shared/db/vectors.ts'

/** `embeddings_cache`: hash of the text -> numbers. Exact as 32 bits, else as they were given. Of its model the dictionary knew nothing. */
export const embeddingsCache: Collection = {
  name: 'embeddings_cache',
  table: 'embeddings_cache',
  entry: { scalar: { column: 'embedding', type: 'floats' } },
  derived: { provider: "'legacy'", model: "'legacy'", dimensions: 'cardinality(embedding)', normaliser: '1', text_hash: 'id' },
  only: "r.provider = 'legacy'",
}

/** `knowledge_base`: key -> entry. The job complete-embeddings makes its vector. */
export const knowledgeBase: Collection = {
  name: 'knowledge_base',
  table: 'knowledge_entries',
  entry: {
    id: 'id',
    fields: [
      { field: 'agent_id', column: 'agent_id', type: 'text' },
      { field: 'title', column: 'title', type: 'text', required: true },
      { field: 'content', column: 'content', type: 'text', required: true },
      { field: 'tags', column: 'tags', type: 'texts', absent: "'{}'" },
      { field: 'created_at', column: 'created_at', type: 'time' },
    ],
  },
  derived: { embedding_state: "'pending'" },
  also: { stale: removeStaleOfImport('knowledge') },
}
