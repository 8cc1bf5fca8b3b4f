import { text } from '../../shared/cache/codecs.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { agentCollection, counterCollection } from './collections.ts'
import { agentRoutes } from './routes.ts'

/** Agents with their configuration, which may have up to 1 MB. */
const COPIES = { seconds: 3600, bytes: 16 * 1024 * 1024 }

/** The agents function, over what every function shares. Its stores are those of the stage that each collection is at. */
export const makeAgents = ({ db, stage, copies }: Shared) => {
  const agents = stage(agentCollection(copies({ name: 'agents', codec: text, ...COPIES })))
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
