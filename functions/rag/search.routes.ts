import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { routesOf } from '../../shared/http/route.ts'
import { answerOf } from '../../shared/search/ask.ts'
import type { Search } from '../../shared/search/search.ts'
import { RagFound, RagSearch } from './search.schema.ts'

const route = routesOf<{ search: Search; embeddings: Embeddings | undefined }>()

export const searchRoutes = [
  route({
    method: 'post',
    path: '/search',
    summary: 'Search documents and faqs by words, by meaning, or by both, best first',
    role: 'viewer',
    reads: true,
    body: RagSearch,
    returns: RagFound,
    handle: async ({ body: { collections, where, ...body }, scope }, { search, embeddings }) =>
      answerOf(search, embeddings, scope, body, {
        collections: [...new Set(collections ?? (['documents', 'faqs'] as const))],
        narrow: { where },
      }),
  }),
]
