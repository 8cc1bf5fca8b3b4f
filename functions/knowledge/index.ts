import { postgresSearch } from '../../shared/db/search.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import { inPostgresAlone } from '../../shared/migration/alone.ts'
import type { Shared } from '../../shared/shared.ts'
import { embeddingCollection, entryCollection } from './collections.ts'
import { embeddingRoutes } from './embeddings.routes.ts'
import { entryRoutes } from './entries.routes.ts'
import { searchRoutes } from './search.routes.ts'

/** The knowledge function. Its stores are those of the stage that each collection is at. */
export const makeKnowledge = ({ db, stage, embeddings: model }: Shared) => {
  const embeddings = stage(embeddingCollection())
  const entries = stage(entryCollection())
  const deps = {
    model,
    search: inPostgresAlone(entries, postgresSearch(db)),
    get embeddings() {
      return embeddings.store
    },
    get entries() {
      return entries.store
    },
  }
  const routes = [...entryRoutes, ...embeddingRoutes, ...searchRoutes].map(route => route(deps))
  return withSystemRoutes('knowledge', routes, db)
}
