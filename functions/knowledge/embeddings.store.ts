import type { Scope } from '../../shared/db/scope.ts'
import type { LosslessNumber } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Row } from '../../shared/record.ts'
import type { Embedding } from './embeddings.schema.ts'

/** A vector that a caller brings. `id` is its key's (shared/embeddings/key.ts): model, dimensions and hash are in it. */
export type NewEmbedding = { id: string; model: string; hash: string; embedding: (number | LosslessNumber)[] }

/** Vectors that callers bring, and those of the old dictionary: by model and hash of the text, with every digit. */
export type EmbeddingStore = {
  /** Keeps them, over those that were there. No two have the same id. */
  put(scope: Scope, embeddings: NewEmbedding[], at: string): Promise<void>
  /** The latest of each hash, in order, null where there is none. */
  lookup(scope: Scope, model: string, hashes: string[]): Promise<(Row<Embedding> | null)[]>
}

export const embeddingMethods: Methods<EmbeddingStore> = {
  put: { kind: 'write', key: (embeddings: NewEmbedding[]) => embeddings.map(({ id }) => id) },
  lookup: { kind: 'read' },
}
