import type { Copies } from '../../shared/cache/copies.ts'
import type { Database } from '../../shared/db/database.ts'
import { answering, changedRow, jsonOf, NEWEST, oneRow, orLeft, stamps, toPage } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import { agent as entry } from './replica.postgres.ts'
import type { Agent } from './schema.ts'
import type { AgentStore } from './store.ts'

/** The wire's shape of an agent. */
const json = jsonOf(`id, organization_id, name, industry, description, configuration, status, ${stamps}`)

/** Without the JSON at the version of a copy ($3): a configuration may be large. */
const get = `select id, version, case when version <> $3::bigint then ${json} end from agents
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, iso(created_at), id from agents
where organization_id = $1 and deleted_at is null
  and (created_at, id) < ($3::timestamptz, $4)
  and ($5::text is null or status = $5)
  and ($6::text is null or industry = $6)
  and ($7::text is null or strpos(lower(name), lower($7)) > 0)
order by created_at desc, id desc
limit $2::int + 1`

/** A removed agent's id is free again: its tombstone comes back to life, with nothing of the old one in it. */
const create = answering(
  entry,
  more => `insert into agents
  (organization_id, id, name, industry, description, configuration, status, version, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6::jsonb, $7, nextval('row_version'), $8, $8)
on conflict (organization_id, id) do update
set name = excluded.name, industry = excluded.industry, description = excluded.description,
  configuration = excluded.configuration, status = excluded.status, extra = null, version = nextval('row_version'),
  created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = null
where agents.deleted_at is not null
returning id, version, ${json}${more}`,
)

const update = answering(entry, more =>
  orLeft(
    'agents',
    `update agents
set name = coalesce(patch ->> 'name', name),
  industry = case when patch ? 'industry' then patch ->> 'industry' else industry end,
  description = case when patch ? 'description' then patch ->> 'description' else description end,
  configuration = case when patch ? 'configuration' then patch -> 'configuration' else configuration end,
  status = coalesce(patch ->> 'status', status),
  version = nextval('row_version'), updated_at = $4
from (select $5::jsonb as patch) given
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json${more}`,
    more,
  ),
)

const remove = answering(entry, more =>
  orLeft(
    'agents',
    `update agents
set deleted_at = $4, updated_at = $4, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json${more}`,
    more,
  ),
)

/** Agents in Postgres, one statement a method. */
export const postgresAgents = (db: Database, copies: Copies<string>): AgentStore => ({
  get: async (scope, id) => {
    const agent = await copies.current(JSON.stringify([scope.organization_id, id]), async held => {
      const [row] = await db.read(scope, { name: 'agents.get', text: get, values: [scope.organization_id, id, held] })
      return row && { version: row[1] as string, value: row[2] as string | null }
    })
    return agent && { id, version: agent.version, json: agent.value }
  },
  list: async (scope, slice, { status = null, industry = null, q = null }) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST), status, industry, q]
    return toPage<Agent>(await db.read(scope, { name: 'agents.list', text: list, values, planned: 'once' }), slice)
  },
  create: async (scope, { id, name, industry, description, configuration, status, at }) => {
    const settings = configuration === undefined ? null : stringify(configuration)
    const values = [scope.organization_id, id, name, industry, description, settings, status, at]
    return oneRow<Agent>(await db.write(scope, { name: 'agents.create', ...create, values }))
  },
  update: async (scope, id, patch, at, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null, at, stringify(patch)]
    return changedRow<Agent>(await db.write(scope, { name: 'agents.update', ...update, values }))
  },
  remove: async (scope, id, at, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null, at]
    return changedRow<Agent>(await db.write(scope, { name: 'agents.remove', ...remove, values }))
  },
})
