import { agentCollection } from '../../functions/agents/collections.ts'
import { memoryAgents } from '../../functions/agents/memory.ts'
import { postgresAgents } from '../../functions/agents/postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { agentContract } from './agents.contract.ts'
import { copies, inMemory, mirrored, onPostgres } from './support.ts'

agentContract(
  'in memory',
  inMemory(() => ({ agents: memoryAgents() })),
)
agentContract(
  'in Postgres',
  onPostgres(db => ({ agents: postgresAgents(db, copies()) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : [])
  agentContract(
    `mirrored in ${stage}`,
    mirrored(stage, () => ({ agents: agentCollection(copies()) })),
  )
