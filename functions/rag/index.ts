import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { documentCollection } from './collections.ts'
import { documentRoutes } from './documents.routes.ts'
import { removingByIds } from './remove.ts'

/** The rag function. Its stores are those of the stage that each collection is at. */
export const makeRag = ({ db, stage, embeddings }: Shared) => {
  const documents = stage(documentCollection())
  const stores = {
    embeddings,
    get documents() {
      return documents.keeper.stage() === 'complete' ? documents.store : removingByIds(documents.store)
    },
  }
  return withSystemRoutes(
    'rag',
    documentRoutes.map(route => route(stores)),
    db,
  )
}
