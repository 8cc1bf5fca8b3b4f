import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { embeddingCollection } from './collections.ts'
import { embeddingRoutes } from './embeddings.routes.ts'

/** The knowledge function. */
export const makeKnowledge = ({ db, stage }: Shared) => {
  const embeddings = stage(embeddingCollection())
  const stores = {
    get embeddings() {
      return embeddings.store
    },
  }
  return withSystemRoutes(
    'knowledge',
    embeddingRoutes.map(route => route(stores)),
    db,
  )
}
