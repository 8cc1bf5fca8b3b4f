import type { Embeddings } from '../../shared/embeddings/embeddings.ts'
import { routesOf } from '../../shared/http/route.ts'
import { answerOf } from '../../shared/search/ask.ts'
import type { Search } from '../../shared/search/search.ts'
import { KnowledgeFound, KnowledgeSearch } from './search.schema.ts'

const route = routesOf<{ search: Search; model: Embeddings | undefined }>()

export const searchRoutes = [
  route({
    method: 'post',
    path: '/search',
    summary: 'Search entries by words, by meaning, or by both, best first',
    role: 'viewer',
    reads: true,
    body: KnowledgeSearch,
    returns: KnowledgeFound,
    handle: async ({ body: { tags, agent_id, ...body }, scope }, { search, model }) =>
      answerOf(search, model, scope, body, { collections: ['knowledge'], narrow: { tags, agent_id } }),
  }),
]
