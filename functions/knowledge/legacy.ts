import type { Collection } from '../../shared/db/legacy.ts'

/** `embeddings_cache`: hash of the text -> numbers. Exact as 32 bits, else as they were given. Of its model the dictionary knew nothing. */
export const embeddingsCache: Collection = {
  name: 'embeddings_cache',
  table: 'embeddings_cache',
  entry: { scalar: { column: 'embedding', type: 'floats' } },
  derived: { provider: "'legacy'", model: "'legacy'", dimensions: 'cardinality(embedding)', normaliser: '1', text_hash: 'id' },
  only: "r.provider = 'legacy'",
}
