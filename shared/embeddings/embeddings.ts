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
  /** Whether its vector of a text is another where the text asks. */
  readonly tellsKinds: boolean
  /**
   * A vector for each text, in order: float32[1536], unit length. Calls the provider, in batches, and retries what may pass. Throws
   * Refusal unavailable where the provider fails, and invalid_request where it refuses the texts. Never inside a transaction.
   */
  embed(texts: readonly string[], kind: Kind): Promise<Float32Array[]>
}

/** An embedder in front of which vectors are kept, an organization's each (cached.ts). */
export type Embeddings = Pick<Embedder, 'provider' | 'model' | 'dimensions'> & {
  /**
   * As the embedder's, of the vectors kept where they are there: N texts are one query, and the provider is asked for the rest. Nobody
   * has it asked whom Postgres has not let through.
   */
  embed(scope: Scope, texts: readonly string[], kind: Kind): Promise<Float32Array[]>
  /**
   * The same of documents, text by text: undefined for one that is blank or that the provider refuses. Throws Refusal unavailable where
   * the provider fails; what it made until then is kept.
   */
  embedEach(scope: Scope, texts: readonly string[]): Promise<(Float32Array | undefined)[]>
  /**
   * As embedEach, failing softly and in bounded time, for a request that waits: undefined also for what the provider did not make. Such
   * an item stays searchable by its words; the job complete-embeddings tries again.
   */
  embedSome(scope: Scope, texts: readonly string[]): Promise<(Float32Array | undefined)[]>
}
