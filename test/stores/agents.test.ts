import { agentCollection } from '../../functions/agents/collections.ts'
import { memoryAgents } from '../../functions/agents/memory.ts'
import { postgresAgents } from '../../functions/agents/postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { agentContract } from './agents.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

agentContract(
  'in memory',
  inMemory(() => ({ agents: memoryAgents() })),
)
agentContract(
  'in Postgres',
  onPostgres(db => ({ agents: postgresAgents(db) })),
)
for (const stage of stages)
  agentContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ agents: agentCollection() })),
  )
