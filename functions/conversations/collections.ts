import type { Collection } from '../../shared/migration/staged.ts'
import { conversationTable, memoryConversations } from './memory.ts'
import { postgresConversations } from './postgres.ts'
import { conversationReplica } from './replica.postgres.ts'
import { type ConversationStore, conversationMethods } from './store.ts'

/** Conversations as they were and as they are. In memory one may name any agent, as it could in the dictionary. */
export const conversationCollection = (): Collection<ConversationStore> => {
  const table = conversationTable()
  return {
    name: 'conversations',
    memory: memoryConversations(() => true, table),
    replica: table.replica,
    postgres: postgresConversations,
    sql: conversationReplica,
    methods: conversationMethods,
    fallback: true,
  }
}
