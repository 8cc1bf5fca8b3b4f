import type { DocumentStore } from './documents.store.ts'

/** A store that removes by filter as the stages ask for that hold a memory: what will be removed is known by its ids before. */
export const removingByIds = (documents: DocumentStore): DocumentStore => ({
  ...documents,
  removeWhere: async (scope, where, at) => {
    const ids = await documents.matching(scope, where)
    return ids.length === 0 ? 0 : documents.removeWhere(scope, where, at, ids)
  },
})
