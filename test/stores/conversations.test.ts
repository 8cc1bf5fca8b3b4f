import { agentCollection } from '../../functions/agents/collections.ts'
import { agentTable, memoryAgents } from '../../functions/agents/memory.ts'
import { postgresAgents } from '../../functions/agents/postgres.ts'
import { conversationCollection } from '../../functions/conversations/collections.ts'
import { memoryConversations } from '../../functions/conversations/memory.ts'
import { postgresConversations } from '../../functions/conversations/postgres.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { conversationContract } from './conversations.contract.ts'
import { copies, inMemory, mirrored, onPostgres } from './support.ts'

conversationContract(
  'in memory',
  inMemory(() => {
    const table = agentTable()
    const knows = (organization: string, id: string) => table.peek(organization, id) !== undefined
    return { agents: memoryAgents(table), conversations: memoryConversations((scope, id) => knows(scope.organization_id, id)) }
  }),
)
conversationContract(
  'in Postgres',
  onPostgres(db => ({ agents: postgresAgents(db, copies()), conversations: postgresConversations(db) })),
)
// in off a conversation may name any agent, as it could in the dictionary
const mirroredIn: Stage[] = engine === 'server' ? ['dualwrite', 'shadow', 'live', 'rampdown', 'complete'] : []
for (const stage of mirroredIn)
  conversationContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ agents: agentCollection(copies()), conversations: conversationCollection() })),
  )
