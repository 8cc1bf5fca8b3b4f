import { jsonOf } from '../../shared/db/rows.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'
import { lockTables } from './lock.postgres.ts'

const table = jsonOf('id, organization_id, columns, strict, implicit, extra, iso(created_at) as created_at, iso(updated_at) as updated_at')

const named = (table: string): string =>
  `select e ->> 'organization_id' as organization, e ->> '${table}' as name from jsonb_array_elements($1::jsonb) e`

/** Whole tables, as memory and Postgres exchange them. */
export const tableReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${table} as json from data_tables`,
  restore: [
    lockTables('alone', named('id')),
    `insert into data_tables (organization_id, id, columns, strict, implicit, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e -> 'columns', (e ->> 'strict')::boolean, (e ->> 'implicit')::boolean,
  nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set columns = excluded.columns, strict = excluded.strict, implicit = excluded.implicit, extra = excluded.extra,
  version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}

const record = jsonOf(`id, organization_id, table_id, record_id, data, extra, iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole records. */
export const recordReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${record} as json from data_records`,
  restore: [
    lockTables('shared', named('table_id')),
    `insert into data_records
  (organization_id, id, table_id, record_id, data, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'table_id', e ->> 'record_id', e -> 'data', nullif(e -> 'extra', 'null'),
  nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set data = excluded.data, extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at,
  updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}
