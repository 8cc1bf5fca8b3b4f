import type { Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { jsonOf, toPage } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Slice } from '../../shared/record.ts'
import type { AuditEvent, AuditFilter } from './schema.ts'
import type { AuditStore } from './store.ts'

const json = jsonOf(`id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after,
  iso(created_at) as created_at`)

const COLUMNS = ['actor', 'action', 'entity_type', 'entity_id'] as const

/** Events that one piece of an export holds. */
const PIECE = 1000

/**
 * Only the conditions that are asked for, so that any plan of theirs can use the index by entity. Ids grow with time: they are the
 * order of the events.
 */
const statement = (name: string, after: string, order: string, scope: Scope, values: [string, number], filter: AuditFilter): Statement => {
  const { from = '-infinity', to = 'infinity' } = filter
  const given = COLUMNS.filter(column => filter[column] !== undefined)
  const conditions = given.map((column, i) => `\n  and ${column} = $${i + 6}`).join('')
  return {
    name: [name, ...given].join('_'),
    text: `select id, version, ${json}, id
from audit_events
where organization_id = $1 and ${after}
  and created_at >= $4::timestamptz and created_at < $5::timestamptz${conditions}
order by ${order}
limit $3::int`,
    values: [scope.organization_id, ...values, from, to, ...given.map(column => filter[column] as string)],
  }
}

/** The newest events after a place. */
export const listed = (scope: Scope, { limit, after }: Slice, filter: AuditFilter): Statement =>
  statement('audit.list', 'id < $2', 'id desc', scope, [after?.[0] ?? '~', limit + 1], filter)

/** The audit's events in Postgres. */
export const postgresAudit = (db: Database): AuditStore => ({
  list: async (scope, slice, filter) => toPage<AuditEvent>(await db.read(scope, listed(scope, slice, filter)), slice),
  async *export(scope, filter) {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const rows: Awaited<ReturnType<Database['read']>> = await db.read(
        scope,
        statement('audit.export', 'id > $2', 'id', scope, [after, PIECE], filter),
      )
      yield rows.map(([, , line]) => `${line}\n`).join('')
      after = rows.length < PIECE ? undefined : (rows.at(-1)?.[0] as string)
    }
  },
})
