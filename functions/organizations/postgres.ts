import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, oneRow, orLeft, stamps, toRow } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import type { Organization, User } from './schema.ts'
import type { OrganizationStore } from './store.ts'
import { userJson } from './users.postgres.ts'

const json = jsonOf(`id, organization_id, name, settings, ${stamps}`)

const get = `select id, version, ${json} from organizations where organization_id = $1 and id = $1 and deleted_at is null`

/** The user and the key are made only with the organization, and nothing at all when the owner's address is taken. */
const found = `with organization as (
  insert into organizations (id, name, version, created_at, updated_at)
  values ($1, $2, nextval('row_version'), $3, $3)
  on conflict do nothing
  returning *
), owner as (
  insert into users (organization_id, id, email, role, version, created_at, updated_at)
  select id, $4, $5, 'owner', nextval('row_version'), $3, $3 from organization where $4::text is not null
  returning *
), key as (
  insert into api_keys (organization_id, id, user_id, name, role, prefix, secret_hash, version, created_at, updated_at)
  select id, $6, $4, $7, 'owner', $8, $9, nextval('row_version'), $3, $3 from organization
  returning id
)
select o.id, o.version, o.json, u.id, u.version, u.json
from (select id, version, ${json} as json from organization) o
left join (select id, version, ${userJson} as json from owner) u on true
where exists (select from key)`

const update = orLeft(
  'organizations',
  `update organizations
set name = coalesce(patch ->> 'name', name), settings = coalesce(patch -> 'settings', settings),
  version = nextval('row_version'), updated_at = $4
from (select $5::jsonb as patch) given
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

const remove = orLeft(
  'organizations',
  `update organizations
set deleted_at = $4, updated_at = $4, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

/** What belonged to an organization that is gone by now: nothing while it is there, as after a stale If-Match. */
const removeAll = (table: string) => `delete from ${table}
where organization_id = $1 and exists (select from organizations where organization_id = $1 and id = $1 and deleted_at is not null)`

/** Organizations in Postgres. */
export const postgresOrganizations = (db: Database): OrganizationStore => ({
  found: async (scope, { id, name, at }, owner, key) => {
    const values = [id, name, at, owner?.id ?? null, owner?.email ?? null, key.id, key.name, key.prefix, key.hash]
    const [row] = await db.write(scope, { name: 'organizations.found', text: found, values })
    return row && { organization: toRow<Organization>(row), user: row[3] === null ? undefined : toRow<User>(row.slice(3)) }
  },
  get: async scope => oneRow<Organization>(await db.read(scope, { name: 'organizations.get', text: get, values: [scope.organization_id] })),
  update: async (scope, patch, at, ifMatch) => {
    const values = [scope.organization_id, scope.organization_id, ifMatch ?? null, at, stringify(patch)]
    return changedRow<Organization>(await db.write(scope, { name: 'organizations.update', text: update, values }))
  },
  remove: async (scope, at, ifMatch) => {
    const id = scope.organization_id
    const children = ['sessions', 'api_keys', 'users'].map(table => ({
      name: `organizations.remove_${table}`,
      text: removeAll(table),
      values: [id],
    }))
    const [rows] = await db.writeAll(
      scope,
      { name: 'organizations.remove', text: remove, values: [id, id, ifMatch ?? null, at] },
      ...children,
    )
    return changedRow<Organization>(rows ?? [])
  },
})
