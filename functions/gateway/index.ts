import { openApi } from '../../shared/http/openapi.ts'
import type { HttpFunction } from '../../shared/http/route.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeAgents } from '../agents/index.ts'
import { makeAnalytics } from '../analytics/index.ts'
import { makeAudit } from '../audit/index.ts'
import { makeConversations } from '../conversations/index.ts'
import { makeDatabaseFunction } from '../database/index.ts'
import { makeJobs } from '../jobs/index.ts'
import { makeKnowledge } from '../knowledge/index.ts'
import { makeMigration } from '../migration/index.ts'
import { makeOrganizations } from '../organizations/index.ts'
import { makePayments } from '../payments/index.ts'
import { gatewayRoutes } from './routes.ts'

/** Every function behind one origin, and the gateway's own routes at its root. */
export const makeGateway = (shared: Shared): HttpFunction[] => {
  const domains = [
    makeOrganizations(shared),
    makeAgents(shared),
    makeConversations(shared),
    makePayments(shared),
    makeAnalytics(shared),
    makeDatabaseFunction(shared),
    makeKnowledge(shared),
    makeAudit(shared),
    makeJobs(shared),
    makeMigration(shared),
  ]
  const own = gatewayRoutes.map(route => route({ metrics: shared.metrics }))
  const root = withSystemRoutes('', own, shared.db, itself => openApi('AgentHub', [...domains, itself]))
  return [...domains, root]
}
