import { openApi } from '../../shared/http/openapi.ts'
import { loaded, type Served } from '../../shared/http/route.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Load, Shared } from '../../shared/shared.ts'
import { gatewayRoutes } from './routes.ts'

/** Every domain behind one origin, each loaded when it is first asked for, and the gateway's own routes at its root. */
export const makeGateway = (shared: Shared, domains: Record<string, Load>): Served[] => {
  // a memory may be that of a domain that nobody has asked for yet
  const behind: Shared = { ...shared, held: async name => all().then(() => shared.held(name)) }
  const functions = Object.entries(domains).map(([name, load]) => later(name, async () => (await load())(behind)))
  const all = () => Promise.all(functions.map(({ load }) => load()))
  const own = gatewayRoutes.map(route => route({ metrics: shared.metrics }))
  const root = withSystemRoutes('', own, shared.db, async itself => openApi('AgentHub', [...(await all()), itself]))
  return [...functions, loaded(root)]
}

/** A function that is loaded once, when it is first asked for. */
const later = (name: string, load: Served['load']): Served => {
  let made: ReturnType<typeof load> | undefined
  return {
    name,
    load: () => {
      made ??= load()
      return made
    },
  }
}
