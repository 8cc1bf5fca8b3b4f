import { z } from 'zod'
import { SearchBody, SearchHit } from '../../shared/search/schema.ts'
import { WhereShape } from '../../shared/where.ts'

const Collection = z.enum(['documents', 'faqs'])

/** `where` looks at the metadata, and of faqs at their category too. */
export const RagSearch = SearchBody.extend({
  collections: z.array(Collection).min(1).max(2).optional(),
  where: WhereShape.optional(),
})

export const RagFound = z.object({ items: z.array(SearchHit.extend({ collection: Collection })) })
