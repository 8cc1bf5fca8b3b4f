import { routesOf } from '../../shared/http/route.ts'
import type { Heads } from './heads.ts'
import { AuditEvent, AuditFilter, Verified } from './schema.ts'
import type { AuditStore, BlockStore } from './store.ts'
import { verify } from './verify.ts'

const route = routesOf<{ audit: AuditStore; blocks: BlockStore; heads: Heads }>()

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
  route({
    method: 'get',
    path: '/verify',
    summary: 'Whether every sealed event is as it was sealed, and which is the first that is not',
    role: 'admin',
    returns: Verified,
    handle: ({ scope }, { blocks, heads }) => verify(blocks, heads, scope),
  }),
  route({
    method: 'get',
    path: '/export',
    summary: 'Export the events as NDJSON, oldest first',
    role: 'admin',
    query: AuditFilter,
    status: 200,
    handle: ({ query, scope }, { audit }) => ({ stream: audit.export(scope, query), type: 'application/x-ndjson' }),
  }),
]
