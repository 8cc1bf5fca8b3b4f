import type { Scope } from '../../shared/db/scope.ts'

/** The collections whose items are searched by vectors. */
export const searched = ['knowledge', 'documents', 'faqs'] as const
export type Searched = (typeof searched)[number]

export type Model = { provider: string; model: string; dimensions: number }

/** The vectors of one collection of an organization (the scope's) that one model makes; `rebuilt`: beside those of another. */
export type Generation = { collection: Searched; number: string; rebuilt: boolean }

/** A text of an item that has no vector in the generation yet; `version` is the item's. */
export type Lack = { item: string; version: string; chunk: number; text: string }

/** Some items, and what they lack; an item that lacks nothing is among `items` alone. */
export type Page = { items: { id: string; version: string }[]; lacks: Lack[] }

export type Made = { item: string; chunk: number; hash: string; vector: Float32Array }

/** Work on searchable vectors, across organizations: for the role agenthub_jobs. */
export type CompletionStore = {
  /** The organizations with something to do in a collection: items without vectors, vectors of another model, or of a retired one. */
  due(scope: Scope, collection: Searched, model: Model): Promise<string[]>
  /** The generation of a model in the scope's organization: it is made where there is none. */
  generation(scope: Scope, collection: Searched, model: Model): Promise<Generation>
  /** Items behind `after`, by id: those that wait for vectors, and where it is rebuilt those that another model has made vectors of. */
  page(scope: Scope, generation: Generation, after: string): Promise<Page>
  /**
   * Writes the vectors of a page's items, and whether each is done or (`failed`) lacks some still. An item that has changed since it was
   * read is left alone. Answers how many were written.
   */
  write(scope: Scope, generation: Generation, page: Page, made: Made[], failed: string[]): Promise<number>
  /** Has the generation serve and every other model's retire, in one step, unless an item has vectors in another one alone. */
  serve(scope: Scope, generation: Generation): Promise<boolean>
  /** Removes vectors of retired generations, some at a time: how many. */
  clear(scope: Scope, collection: Searched): Promise<number>
}
