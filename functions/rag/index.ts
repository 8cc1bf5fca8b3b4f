import { postgresSearch } from '../../shared/db/search.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import { inPostgresAlone } from '../../shared/migration/alone.ts'
import type { Shared } from '../../shared/shared.ts'
import { documentCollection, faqCollection } from './collections.ts'
import { documentRoutes } from './documents.routes.ts'
import type { EmbeddedStore } from './documents.store.ts'
import { postgresEmbedded } from './embedded.postgres.ts'
import { faqRoutes } from './faqs.routes.ts'
import { removingByIds } from './remove.ts'
import { searchRoutes } from './search.routes.ts'

/** The rag function. Its stores are those of the stage that each collection is at. */
export const makeRag = ({ db, stage, embeddings }: Shared) => {
  const documents = stage(documentCollection())
  const faqs = stage(faqCollection())
  const known = postgresEmbedded(db)
  const embedded: EmbeddedStore = {
    unchanged: async (scope, told) =>
      (await documents.keeper.enter()).row.stage === 'complete' ? known.unchanged(scope, told) : new Set(),
  }
  const stores = {
    embeddings,
    search: inPostgresAlone(documents, inPostgresAlone(faqs, postgresSearch(db))),
    embedded,
    get documents() {
      return documents.keeper.stage() === 'complete' ? documents.store : removingByIds(documents.store)
    },
    get faqs() {
      return faqs.keeper.stage() === 'complete' ? faqs.store : removingByIds(faqs.store)
    },
  }
  const routes = [...documentRoutes, ...faqRoutes, ...searchRoutes].map(route => route(stores))
  return withSystemRoutes('rag', routes, db)
}
