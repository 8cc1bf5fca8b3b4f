import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { jsonOf, NEWEST, oneRow, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import type { ApiKey } from './schema.ts'
import type { KeyStore } from './store.ts'

const json = jsonOf(`id, organization_id, name, role, prefix, user_id, iso(expires_at) as expires_at,
  iso(revoked_at) as revoked_at, iso(last_used_at) as last_used_at, ${stamps}`)

const list = `select id, version, ${json}, iso(created_at), id from api_keys
where organization_id = $1 and (created_at, id) < ($3::timestamptz, $4)
order by created_at desc, id desc
limit $2::int + 1`

/** A key belongs to the user who makes it, by a session or by a key of his. */
const create = `insert into api_keys
  (organization_id, id, user_id, name, role, prefix, secret_hash, expires_at, version, created_at, updated_at)
values ($1, $2, nullif(current_setting('app.user_id'), ''), $3, $4, $5, $6, $7, nextval('row_version'), $8, $8)
returning id, version, ${json}`

/** A key that outranks the caller is not his to revoke. */
const touch = 'select require_rank(role) from api_keys where organization_id = $1 and id = $2'

const revoke = `update api_keys
set revoked_at = $3, updated_at = $3, version = nextval('row_version')
where organization_id = $1 and id = $2 and revoked_at is null
returning id, version, ${json}`

/** API keys in Postgres. */
export const postgresKeys = (db: Database): KeyStore => ({
  list: async (scope, slice) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST)]
    return toPage<ApiKey>(await db.read(scope, { name: 'api_keys.list', text: list, values, planned: 'once' }), slice)
  },
  create: async (scope, { id, name, role, prefix, hash, expires_at, at }) => {
    const values = [scope.organization_id, id, name, role, prefix, hash, expires_at, at]
    return toRow<ApiKey>((await db.write(scope, { name: 'api_keys.create', text: create, values }))[0] as Columns)
  },
  revoke: async (scope, id, at) => {
    const { organization_id } = scope
    const allowed = { name: 'api_keys.touch', text: touch, values: [organization_id, id] }
    return oneRow<ApiKey>(await db.write(scope, allowed, { name: 'api_keys.revoke', text: revoke, values: [organization_id, id, at] }))
  },
})
