import { memoryAgents } from '../../functions/agents/memory.ts'
import { postgresAgents } from '../../functions/agents/postgres.ts'
import { memoryConversations } from '../../functions/conversations/memory.ts'
import { postgresConversations } from '../../functions/conversations/postgres.ts'
import { conversationContract } from './conversations.contract.ts'
import { inMemory, onPostgres } from './support.ts'

conversationContract(
  'in memory',
  inMemory(nextVersion => {
    const agents = memoryAgents(nextVersion)
    return { agents, conversations: memoryConversations(nextVersion, async (scope, id) => (await agents.get(scope, id)) !== undefined) }
  }),
)
conversationContract(
  'in Postgres',
  onPostgres(db => ({ agents: postgresAgents(db), conversations: postgresConversations(db) })),
)
