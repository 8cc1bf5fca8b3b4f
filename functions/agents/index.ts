import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { agentCollection, counterCollection } from './collections.ts'
import { agentRoutes } from './routes.ts'

/** The agents function, over what every function shares. Its stores are those of the stage that each collection is at. */
export const makeAgents = ({ db, stage }: Shared) => {
  const agents = stage(agentCollection())
  const counters = stage(counterCollection())
  const stores = {
    get agents() {
      return agents.store
    },
    get counters() {
      return counters.store
    },
  }
  return withSystemRoutes(
    'agents',
    agentRoutes.map(route => route(stores)),
    db,
  )
}
