import { NORMALISER } from '../../shared/embeddings/key.ts'
import type { Json } from '../../shared/json.ts'
import { makeTable, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Embedding } from './embeddings.schema.ts'
import type { EmbeddingStore } from './embeddings.store.ts'

/** A vector as it is kept: its numbers with every digit, and what an import left in `extra`. */
type Kept = {
  id: string
  organization_id: string
  provider: string
  model: string
  normaliser: number
  text_hash: string
  embedding: Json[]
  extra?: unknown
  created_at: string
  updated_at: string
}
export type EmbeddingTable = Table<Kept, Embedding>

export const embeddingTable = (): EmbeddingTable =>
  makeTable({
    render: ({ model, text_hash, embedding }) => ({ model, hash: text_hash, dimensions: embedding.length, embedding }),
    keyOf: ({ id }) => [id],
    order: 'up',
  })

/** Vectors in this process: what the dictionary did. */
export const memoryEmbeddings = (table: EmbeddingTable = embeddingTable()): EmbeddingStore => ({
  put: async ({ organization_id }, embeddings, at) => {
    for (const { id, model, hash, embedding } of embeddings) {
      const vector = { provider: 'caller', model, normaliser: NORMALISER, text_hash: hash, embedding }
      table.put(organization_id, id, kept => ({
        id,
        organization_id,
        ...vector,
        created_at: kept?.created_at ?? at,
        updated_at: at,
      }))
    }
  },
  lookup: async ({ organization_id }, model, hashes) => {
    const wanted = new Set(hashes)
    const found = new Map<string, Row<Embedding>>()
    for (const { value, row } of table.walk(organization_id, undefined)) {
      if (value.model !== model || !wanted.has(value.text_hash)) continue
      const [one, other] = [row(), found.get(value.text_hash)]
      if (!other || BigInt(one.version) > BigInt(other.version)) found.set(value.text_hash, one)
    }
    return hashes.map(hash => found.get(hash) ?? null)
  },
})
