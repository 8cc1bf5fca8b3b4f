import type { Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, NEWEST, oneRow, stamps, toPage } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Row } from '../../shared/record.ts'
import type { User } from './schema.ts'
import type { UserStore } from './store.ts'

/** The wire's shape of a user: the password's hash is not in it. */
export const userJson = jsonOf(`id, organization_id, email, name, role, status, ${stamps}`)

const get = `select id, version, ${userJson} from users where organization_id = $1 and id = $2`

const list = `select id, version, ${userJson}, iso(created_at), id from users
where organization_id = $1 and (created_at, id) < ($3::timestamptz, $4)
order by created_at desc, id desc
limit $2::int + 1`

const create = `insert into users (organization_id, id, email, name, role, status, password_hash, version, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, nextval('row_version'), $8, $8)
on conflict do nothing
returning id, version, ${userJson}`

/** Changes of users follow one another within an organization, so that two cannot each remove "the other" owner. */
const lock = `select from organizations where organization_id = $1 and id = $1 for no key update`

/** Refuses to touch one who outranks the caller. */
const touch = `select require_rank(role) from users where organization_id = $1 and id = $2`

/** Whether $2 is the last active owner: a statement of its own, which sees what the lock has waited for. */
const isLastOwner = `exists (select from users where organization_id = $1 and id = $2 and role = 'owner' and status = 'active')
  and not exists (select from users where organization_id = $1 and id <> $2 and role = 'owner' and status = 'active')`

/** Answers the user unchanged, with null for its JSON, after a stale If-Match, and with '' when it is the last owner. */
const orLeft = (change: string) => `with changed as (${change})
select id, version, json from changed
union all
select id, version, case when version = coalesce($3, version) then '' end from users
where organization_id = $1 and id = $2 and not exists (select from changed)`

const update = orLeft(`update users
set email = coalesce(patch ->> 'email', email),
  name = case when patch ? 'name' then patch ->> 'name' else name end,
  role = coalesce(patch ->> 'role', role),
  status = coalesce(patch ->> 'status', status),
  password_hash = case when patch ? 'password_hash' then patch ->> 'password_hash' else password_hash end,
  version = nextval('row_version'), updated_at = $4
from (select $5::jsonb as patch) given
where organization_id = $1 and id = $2 and version = coalesce($3, version)
  and (coalesce(patch ->> 'role', 'owner') = 'owner' and coalesce(patch ->> 'status', 'active') = 'active' or not (${isLastOwner}))
returning id, version, ${userJson} as json`)

const remove = orLeft(`delete from users
where organization_id = $1 and id = $2 and version = coalesce($3, version) and not (${isLastOwner})
returning id, version, ${userJson} as json`)

/** What goes with a user. Runs before him, and is undone with the batch when he stays. */
const removeOf = (table: string) => `delete from ${table} where organization_id = $1 and user_id = $2
and exists (select from users where organization_id = $1 and id = $2 and version = coalesce($3, version) and not (${isLastOwner}))`

const changed = (rows: Parameters<typeof changedRow>[0]): Row<User> | undefined => {
  if (rows[0]?.[2] === '') throw new Refusal('conflict', 'the last active owner of an organization stays its owner')
  return changedRow<User>(rows)
}

export const touching = ({ organization_id }: Scope, id: string): Statement => ({
  name: 'users.touch',
  text: touch,
  values: [organization_id, id],
})

const guards = (scope: Scope, id: string): Statement[] => [
  { name: 'users.lock', text: lock, values: [scope.organization_id] },
  touching(scope, id),
]

/** Users in Postgres. */
export const postgresUsers = (db: Database): UserStore => ({
  get: async (scope, id) => oneRow<User>(await db.read(scope, { name: 'users.get', text: get, values: [scope.organization_id, id] })),
  list: async (scope, slice) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST)]
    return toPage<User>(await db.read(scope, { name: 'users.list', text: list, values, planned: 'once' }), slice)
  },
  create: async (scope, { id, email, name, role, status, password_hash, at }) => {
    const values = [scope.organization_id, id, email, name, role, status, password_hash, at]
    return oneRow<User>(await db.write(scope, { name: 'users.create', text: create, values }))
  },
  update: async (scope, id, change, at, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null, at, JSON.stringify(change)]
    return changed(await db.write(scope, ...guards(scope, id), { name: 'users.update', text: update, values }))
  },
  remove: async (scope, id, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null]
    const children = ['sessions', 'api_keys'].map(table => ({ name: `users.remove_${table}`, text: removeOf(table), values }))
    return changed(await db.write(scope, ...guards(scope, id), ...children, { name: 'users.remove', text: remove, values }))
  },
})
