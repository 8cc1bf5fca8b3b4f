import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresConversations } from './postgres.ts'
import { conversationRoutes } from './routes.ts'
import { postgresSearch } from './search.postgres.ts'

/** The conversations function. */
export const makeConversations = ({ db }: Shared) => {
  const stores = { conversations: postgresConversations(db), search: postgresSearch(db) }
  return withSystemRoutes(
    'conversations',
    conversationRoutes.map(route => route(stores)),
    db,
  )
}
