import type { Scope } from '../db/scope.ts'

/** Whether a text is to be found, or asks: some models tell them apart. */
export type Kind = 'document' | 'query'

/**
 * A model that makes vectors of texts. Where no provider is configured there is none (undefined), and callers bring their vectors.
 * Two vectors may be compared when provider, model and dimensions are the same.
 */
export type Embedder = {
  readonly provider: string
  readonly model: string
  /** The model's own; its vectors are padded to 1536. */
  readonly dimensions: number
  /**
   * A vector for each text, in order: float32[1536], unit length. Calls the provider, in batches, and retries what may pass. Throws
   * Refusal unavailable where the provider fails, and invalid_request where it refuses the texts. Never inside a transaction.
   */
  embed(texts: readonly string[], kind: Kind): Promise<Float32Array[]>
}

/** An embedder in front of which vectors are kept, an organization's each (cached.ts). */
export type Embeddings = Omit<Embedder, 'embed'> & {
  /** As the embedder's, of the vectors kept where they are there: N texts are one query, and the provider is asked for the rest. */
  embed(scope: Scope, texts: readonly string[], kind: Kind): Promise<Float32Array[]>
  /**
   * The same of documents, failing softly: undefined for a text that has no vector (it is blank, or the provider failed or refused it).
   * Whose text it is stays searchable by its words; the job complete-embeddings tries again.
   */
  embedSome(scope: Scope, texts: readonly string[]): Promise<(Float32Array | undefined)[]>
}
