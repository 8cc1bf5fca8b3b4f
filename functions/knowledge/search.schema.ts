import { z } from 'zod'
import { SearchBody, SearchHit } from '../../shared/search/schema.ts'
import { Id } from '../../shared/shapes.ts'

/** An entry must have all of the `tags`. */
export const KnowledgeSearch = SearchBody.extend({
  tags: z.array(z.string().min(1).max(200)).min(1).max(50).optional(),
  agent_id: Id.optional(),
})

export const KnowledgeFound = z.object({ items: z.array(SearchHit) })
