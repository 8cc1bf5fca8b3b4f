import type { Scope } from '../db/scope.ts'
import type { Embeddings } from './embeddings.ts'
import { hashOf } from './key.ts'
import { CALLER, unit } from './vector.ts'

/** Whether the model's vector of an item is there; callers' vectors stand beside it. What is not `done` waits for complete-embeddings. */
export type EmbeddingState = 'pending' | 'done' | 'failed'

/** A vector of an item, and what made it: float32[1536], unit length. */
export type ItemVector = {
  provider: string
  model: string
  dimensions: number
  vector: Float32Array
  /** SHA-256 of the text that it was made of: it is kept for no other. A caller's goes with whatever text is written. */
  hash: string | undefined
}

/** What is known of an item's vector when the item is written. */
export type Embedded = {
  vector: ItemVector | undefined
  /** What the item's state becomes where the vector is kept. */
  state: EmbeddingState
  /** What it becomes where the text is another than before and has no vector. */
  lacking: EmbeddingState
}

/** An item's text, undefined where it stays as it was, and the vector that a caller brings, if any: 1 to 1536 numbers, not all 0. */
export type Item = { text: string | undefined; brought?: readonly number[] | undefined }

/**
 * The vectors of items that are about to be written: a caller's as it was brought, else the model's, asked for all at once. Where the
 * provider fails, or none is configured, items are written without. Never inside a transaction.
 */
export const embedItems = async (embeddings: Embeddings | undefined, scope: Scope, items: readonly Item[]): Promise<Embedded[]> => {
  const asked = items.flatMap(({ text, brought }) => (text === undefined || brought ? [] : [text]))
  const vectors = embeddings && asked.length > 0 ? await embeddings.embedSome(scope, asked) : []
  const made = new Map(asked.map((text, i) => [text, vectors[i]]))
  const lacking = embeddings ? 'failed' : 'pending'
  return items.map(({ text, brought }) => {
    if (brought) return { vector: callers(brought), state: 'pending', lacking }
    const vector = text === undefined ? undefined : made.get(text)
    if (!embeddings || text === undefined || !vector) return { vector: undefined, state: lacking, lacking }
    const { provider, model, dimensions } = embeddings
    return { vector: { provider, model, dimensions, vector, hash: hashOf(text) }, state: 'done', lacking }
  })
}

const callers = (numbers: readonly number[]): ItemVector => ({
  ...CALLER,
  vector: unit(numbers) as Float32Array,
  hash: undefined,
})
