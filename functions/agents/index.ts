import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresCounters } from './counters.postgres.ts'
import { postgresAgents } from './postgres.ts'
import { agentRoutes } from './routes.ts'

/** The agents function, over what every function shares. */
export const makeAgents = ({ db }: Shared) => {
  const stores = { agents: postgresAgents(db), counters: postgresCounters(db) }
  return withSystemRoutes(
    'agents',
    agentRoutes.map(route => route(stores)),
    db,
  )
}
