import type { Database } from '../../shared/db/database.ts'
import { jsonOf, toPage } from '../../shared/db/rows.ts'
import type { AuditEvent } from './schema.ts'
import type { AuditStore } from './store.ts'

const json = jsonOf(`id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after,
  iso(created_at) as created_at`)

const list = `select id, version, ${json}, id
from audit_events
where organization_id = $1 and id < $3
  and ($4::text is null or actor = $4)
  and ($5::text is null or action = $5)
  and ($6::text is null or entity_type = $6)
  and ($7::text is null or entity_id = $7)
  and created_at >= $8::timestamptz and created_at < $9::timestamptz
order by id desc
limit $2::int + 1`

/** The audit's events in Postgres. */
export const postgresAudit = (db: Database): AuditStore => ({
  list: async (scope, slice, { actor, action, entity_type, entity_id, from = '-infinity', to = 'infinity' }) => {
    const filter = [actor, action, entity_type, entity_id].map(value => value ?? null)
    const values = [scope.organization_id, slice.limit, slice.after?.[0] ?? '~', ...filter, from, to]
    return toPage<AuditEvent>(await db.read(scope, { name: 'audit.list', text: list, values }), slice)
  },
})
