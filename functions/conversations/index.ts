import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { conversationTable, memoryConversations } from './memory.ts'
import { postgresConversations } from './postgres.ts'
import { conversationReplica } from './replica.postgres.ts'
import { conversationRoutes } from './routes.ts'
import { postgresSearch } from './search.postgres.ts'
import { conversationMethods } from './store.ts'

/** The conversations function. In memory a conversation may name any agent, as it could in the dictionary. */
export const makeConversations = ({ db, stage }: Shared) => {
  const table = conversationTable()
  const conversations = stage({
    name: 'conversations',
    memory: memoryConversations(() => true, table),
    replica: table.replica,
    postgres: postgresConversations,
    sql: conversationReplica,
    methods: conversationMethods,
    fallback: true,
  })
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
