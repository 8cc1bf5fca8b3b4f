import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { conversationCollection } from './collections.ts'
import { conversationRoutes } from './routes.ts'
import { postgresSearch } from './search.postgres.ts'

/** The conversations function. */
export const makeConversations = ({ db, stage }: Shared) => {
  const conversations = stage(conversationCollection())
  const stores = {
    search: postgresSearch(db),
    get conversations() {
      return conversations.store
    },
  }
  return withSystemRoutes(
    'conversations',
    conversationRoutes.map(route => route(stores)),
    db,
  )
}
