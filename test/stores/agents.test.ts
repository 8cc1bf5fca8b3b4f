import { memoryAgents } from '../../functions/agents/memory.ts'
import { postgresAgents } from '../../functions/agents/postgres.ts'
import { agentContract } from './agents.contract.ts'
import { inMemory, onPostgres } from './support.ts'

agentContract(
  'in memory',
  inMemory(nextVersion => ({ agents: memoryAgents(nextVersion) })),
)
agentContract(
  'in Postgres',
  onPostgres(db => ({ agents: postgresAgents(db) })),
)
