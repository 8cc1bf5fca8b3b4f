import type { Scope } from '../../shared/db/scope.ts'

/** The collections whose items are searched by vectors. */
export const searched = ['knowledge', 'documents', 'faqs'] as const
export type Searched = (typeof searched)[number]

export type Model = { provider: string; model: string; dimensions: number }

/** The vectors of one collection of an organization (the scope's) that one model makes; `rebuilt`: beside those of another. */
export type Generation = { collection: Searched; number: string; rebuilt: boolean }

/** A text of an item that has no vector in the generation yet. */
export type Lack = { item: string; chunk: number; text: string }

/** Where a walk stands: behind a chunk of an item. */
export type Place = { item: string; chunk: number }

/** Some items, and what they lack. `last`: nothing of the item follows on a later page. At the end there are none. */
export type Page = { items: { id: string; version: string; last: boolean }[]; lacks: Lack[]; next: Place }

export type Made = { item: string; chunk: number; hash: string; vector: Float32Array }

/** Work on searchable vectors, across organizations: for the role agenthub_jobs. */
export type CompletionStore = {
  /** The organizations with something to do in a collection: items without vectors, vectors of another model, or of a retired one. */
  due(scope: Scope, collection: Searched, model: Model): Promise<string[]>
  /** The generation of a model in the scope's organization: it is made where there is none. */
  generation(scope: Scope, collection: Searched, model: Model): Promise<Generation>
  /** What follows, by id: items that wait for vectors, and where it is rebuilt those that another model has made vectors of. */
  page(scope: Scope, generation: Generation, after: Place): Promise<Page>
  /**
   * Writes the vectors of a page's items, and of the last of them whether they are done or (`failed`) lack some still. An item that has
   * changed since it was read is left alone. Answers how many are done.
   */
  write(scope: Scope, generation: Generation, page: Page, made: Made[], failed: ReadonlySet<string>): Promise<number>
  /** Has the generation serve and every other model's retire, in one step, unless an item has vectors in another one alone. */
  serve(scope: Scope, generation: Generation): Promise<boolean>
  /** Removes vectors of retired generations, some at a time: how many. */
  clear(scope: Scope, collection: Searched): Promise<number>
}
