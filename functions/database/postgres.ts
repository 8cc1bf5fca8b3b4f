import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { patient } from '../../shared/db/patience.ts'
import { jsonOf, NEWEST, oneRow, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import { LIMITS } from './asking.postgres.ts'
import { queryStatement, removeStatement } from './query.postgres.ts'
import type { DataRecord } from './schema.ts'
import type { Change, RecordStore } from './store.ts'

/** The wire's shape of a record. */
const json = jsonOf(`record_id as id, organization_id, table_id as "table", data, ${stamps}`)

const get = `select record_id, version, ${json} from data_records
where organization_id = $1 and id = record_key($2, $3) and deleted_at is null`

/** Nothing is looked for before the table has been found. */
const list = `with owner as materialized (select from data_table($1, $2))
select record_id, version, ${json}, iso(created_at), record_id from data_records
where exists (select from owner) and organization_id = $1 and table_id = $2 and deleted_at is null
  and (created_at, record_id) < ($4::timestamptz, $5)
order by created_at desc, record_id desc
limit $3::int + 1`

/**
 * Rows are written by their keys, so that two of these never wait for each other. Whatever is refused ends the statement.
 */
const create = `with owner as materialized (
  select t from writable_table($1, $2) t
), given as materialized (
  select n, record_key($2, e ->> 'id') as id, e ->> 'id' as record_id, e -> 'data' as data,
    case when $6 = '' then 'data' else $6 || '/' || n - 1 || '/data' end as path
  from jsonb_array_elements($3::jsonb) with ordinality e (e, n)
), checked as materialized (
  select must_fit(t, datas, paths, keys) as fit
  from owner, (select array_agg(data order by n) as datas, array_agg(path order by n) as paths, array_agg(id) as keys from given) asked
), made as (
  insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
  select $1, id, $2, record_id, data, nextval('row_version'), $5::timestamptz, $5::timestamptz
  from given
  where (select fit from checked)
  order by id
  on conflict (organization_id, id) do update
  set data = case when $4 = 'merge' and data_records.deleted_at is null then data_records.data || excluded.data else excluded.data end,
    extra = case when data_records.deleted_at is null then data_records.extra end,
    created_at = case when data_records.deleted_at is null then data_records.created_at else excluded.created_at end,
    version = nextval('row_version'), updated_at = excluded.updated_at, deleted_at = null
  where $4 <> 'error' or data_records.deleted_at is not null
  returning *
), answer as (
  select id, record_id, version, ${json} as json from made
)
select coalesce(a.record_id, refuse('AH411', format('record %s exists already', g.record_id), regexp_replace(path, 'data$', 'id'))),
  a.version, a.json
from given g left join answer a on a.id = g.id
order by g.n`

const change = `with done as materialized (
  select status, (changed).* from change_record($1, $2, $3, $4, $5::jsonb, $6, $7, '')
)
select record_id, version, ${json}, status from done`

const changeAll = 'select status, id, version from change_records($1, $2::jsonb, $3)'

const operation = ({ op, table, id, data, ifVersion }: Change) => ({ op, table, id, data, if_version: ifVersion })

/** Records in Postgres, one statement a method. */
export const postgresRecords = (db: Database, limits = LIMITS): RecordStore => ({
  get: async (scope, table, id) => {
    const values = [scope.organization_id, table, id]
    return oneRow<DataRecord>(await db.read(scope, { name: 'records.get', text: get, values }))
  },
  list: async (scope, table, slice) => {
    const values = [scope.organization_id, table, slice.limit, ...(slice.after ?? NEWEST)]
    return toPage<DataRecord>(await db.read(scope, { name: 'records.list', text: list, values, planned: 'once' }), slice)
  },
  query: async (scope, table, asked, slice) =>
    toPage<DataRecord>(await db.read(scope, queryStatement(scope.organization_id, table, asked, slice, limits)), slice),
  create: async (scope, table, records, mode, at, path) => {
    const values = [scope.organization_id, table, stringify(records), mode, at, path]
    return (await db.write(scope, { name: 'records.create', text: create, values })).map(row => toRow<DataRecord>(row))
  },
  change: async (scope, { op, table, id, data, ifVersion }, at) => {
    const values = [scope.organization_id, table, id, op, data === undefined ? null : stringify(data), ifVersion ?? null, at]
    const [row] = (await db.write(scope, { name: 'records.change', text: change, values })) as [Columns]
    return { row: toRow<DataRecord>(row), created: row[3] === '201' }
  },
  changeAll: async (scope, changes, at) => {
    const values = [scope.organization_id, stringify(changes.map(operation)), at]
    const rows = await db.write(scope, { name: 'records.change_all', text: changeAll, values })
    return rows.map(([status, id, version]) => ({ status: Number(status), id: id as string, version: version as string }))
  },
  removeWhere: async (scope, table, where, at, among) => {
    const [[count] = []] = await db.write(scope, patient, removeStatement(scope.organization_id, table, where, at, among))
    return Number(count)
  },
})
