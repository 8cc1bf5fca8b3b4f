import { routesOf } from '../../shared/http/route.ts'
import { AuditEvent, AuditFilter } from './schema.ts'
import type { AuditStore } from './store.ts'

const route = routesOf<{ audit: AuditStore }>()

export const auditRoutes = [
  route({
    method: 'get',
    path: '/events',
    summary: 'List what was changed and by whom, newest first',
    role: 'admin',
    query: AuditFilter,
    lists: AuditEvent,
    handle: ({ query, scope, slice }, { audit }) => audit.list(scope, slice, query),
  }),
]
