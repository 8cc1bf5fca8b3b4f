import { jsonOf } from '../../shared/db/rows.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

/** An agent with everything that is in it. */
export const agent = jsonOf(`id, organization_id, name, industry, description, configuration, configuration is null as unconfigured, status,
  extra, iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole agents, as memory and Postgres exchange them. */
export const agentReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${agent} as json from agents`,
  restore: [
    `insert into agents
  (organization_id, id, name, industry, description, configuration, status, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'name', e ->> 'industry', e ->> 'description',
  case when not (e ->> 'unconfigured')::boolean then e -> 'configuration' end, e ->> 'status', nullif(e -> 'extra', 'null'),
  nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set name = excluded.name, industry = excluded.industry, description = excluded.description, configuration = excluded.configuration,
  status = excluded.status, extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at,
  updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}

/** A counter with everything that is in it; the value is decimal text. */
export const counter = jsonOf(
  `id, organization_id, value::text as value, extra, iso(created_at) as created_at, iso(updated_at) as updated_at`,
)

/** Whole counters. */
export const counterReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${counter} as json from counters`,
  restore: [
    `insert into counters (organization_id, id, value, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', (e ->> 'value')::numeric, nullif(e -> 'extra', 'null'), nextval('row_version'),
  (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set value = excluded.value, extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at,
  updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}
