import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { patient } from '../../shared/db/patience.ts'
import { changedRow, jsonOf, oneRow, orLeft, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import { Refusal } from '../../shared/errors.ts'
import { stringify } from '../../shared/json.ts'
import type { Table } from './schema.ts'
import type { TableStore } from './store.ts'

const json = jsonOf(`id, organization_id, columns, strict, ${stamps}`)

const get = `select id, version, ${json} from data_tables
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, id from data_tables
where organization_id = $1 and deleted_at is null and id > $3
order by id
limit $2::int + 1`

/** Waits for the writers of the table's records; those that come later wait for the end of this transaction. */
const lock = (organization: string, name: string) => ({
  name: 'tables.lock',
  text: 'select pg_advisory_xact_lock(table_lock($1, $2))',
  values: [organization, name],
})

/** The same, behind the stage of the records (records_go_along asks for it): who holds both takes them in this order. */
const lockWithRecords = (organization: string, name: string) => ({
  name: 'tables.lock_with_records',
  text: `select pg_advisory_xact_lock_shared(migration_lock('database')), pg_advisory_xact_lock(table_lock($1, $2))`,
  values: [organization, name],
})

/** The lock holds everybody off: what is present now is what is replaced. Without a version and a row the table is not there. */
const put = `with present as (
  select version from data_tables where organization_id = $1 and id = $2 and deleted_at is null
), made as (
  insert into data_tables (organization_id, id, columns, strict, version, created_at, updated_at)
  select $1, $2, $4::jsonb, $5::boolean, nextval('row_version'), $6, $6
  where $3::bigint is null or exists (select from present where version = $3)
  on conflict (organization_id, id) do update
  set columns = excluded.columns, strict = excluded.strict, implicit = false, version = nextval('row_version'),
    extra = case when data_tables.deleted_at is null then data_tables.extra end,
    created_at = case when data_tables.deleted_at is null then data_tables.created_at else excluded.created_at end,
    updated_at = excluded.updated_at, deleted_at = null
  returning *
)
select id, version, ${json}, not exists (select from present) from made
union all
select $2, (select version from present), null, null where not exists (select from made)`

const remove = orLeft(
  'data_tables',
  `update data_tables
set deleted_at = $4, updated_at = $4, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

const removeRecords = `update data_records
set deleted_at = $3, updated_at = $3, version = nextval('row_version')
where organization_id = $1 and table_id = $2 and deleted_at is null
  and not exists (select from data_tables where organization_id = $1 and id = $2 and deleted_at is null)
  and (select records_go_along($1, $2))`

/** Tables in Postgres. */
export const postgresTables = (db: Database): TableStore => ({
  get: async (scope, name) => oneRow<Table>(await db.read(scope, { name: 'tables.get', text: get, values: [scope.organization_id, name] })),
  list: async (scope, slice) => {
    const values = [scope.organization_id, slice.limit, slice.after?.[0] ?? '']
    return toPage<Table>(await db.read(scope, { name: 'tables.list', text: list, values, planned: 'once' }), slice)
  },
  put: async (scope, name, { columns, strict, at }, ifMatch) => {
    const { organization_id } = scope
    const values = [organization_id, name, ifMatch ?? null, stringify(columns), strict, at]
    const [row] = (await db.write(scope, lock(organization_id, name), patient, { name: 'tables.put', text: put, values })) as [Columns]
    if (row[1] === null) throw new Refusal('version_mismatch', `there is no table ${name} any more`)
    changedRow<Table>([row])
    return { row: toRow<Table>(row), created: row[3] === 't' }
  },
  remove: async (scope, name, at, ifMatch) => {
    const { organization_id } = scope
    const results = await db.writeAll(
      scope,
      lockWithRecords(organization_id, name),
      patient,
      { name: 'tables.remove', text: remove, values: [organization_id, name, ifMatch ?? null, at] },
      { name: 'tables.remove_records', text: removeRecords, values: [organization_id, name, at] },
    )
    return changedRow<Table>(results[2] as Columns[])
  },
})
