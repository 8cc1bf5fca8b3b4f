import type { Scope } from '../db/scope.ts'
import type { Where } from '../where.ts'

/** What is searched: entries, chunks of documents, questions with their answers. */
export const collections = ['knowledge', 'documents', 'faqs'] as const
export type Collection = (typeof collections)[number]

export const modes = ['hybrid', 'text', 'vector'] as const
export type Mode = (typeof modes)[number]

/** A question's vector: float32[1536] of unit length, and what made it. Only what the same model made is compared with it. */
export type Question = { vector: ArrayLike<number>; provider: string; model: string; dimensions: number }

/** How much each arm says of a score where there are both, none below 0. */
export type Weights = { text: number; vector: number }

/** Near the best on the Cranfield questions with good vectors, and hardly worse than words alone with bad ones (`npm run bench -- cranfield`). */
export const WEIGHTS: Weights = { text: 0.5, vector: 0.5 }

/** Candidates of each arm and collection: what neither finds among its best is no result. */
export const POOL = 100

/** What narrows a search to some items: a filter of metadata, or of entries their tags (all of them) and their agent. */
export type Narrow = { where?: Where | undefined; tags?: readonly string[] | undefined; agent_id?: string | undefined }

export type Asked = {
  collections: readonly Collection[]
  mode: Mode
  /** Words; phrases in quotes and identifiers stand as they are. Needed by `text`. */
  query?: string | undefined
  /** Needed by `vector`; a hybrid search without it is one by text. */
  question?: Question | undefined
  narrow: Narrow
  weights: Weights
  limit: number
  /** Results that score less are left out. */
  min_score: number
  /** 0: the best first; towards 1, the more a result repeats those before it, the later it comes. */
  diversity: number
}

/** One result, as it is answered. `score` is between 0 and 1; `text` is BM25, `vector` the cosine, null where an arm had nothing to go by. */
export type Hit = {
  collection?: Collection
  id: string
  chunk?: number
  title: string
  content: string
  highlight: string | null
  score: number
  scores: { text: number | null; vector: number | null }
}

export type Search = {
  /**
   * The results' JSON, best first. Throws Refusal unavailable for mode `vector` where the database cannot compare vectors, or has those of
   * another model yet.
   */
  search(scope: Scope, asked: Asked): Promise<string[]>
}
