import type { Collection } from '../../shared/db/legacy.ts'
import { lockTables } from './lock.postgres.ts'

/**
 * `tables`: name -> table. One that its records told of before is adopted with them, wherever they were put: where its organization
 * is another one, they move there.
 */
export const tables: Collection = {
  name: 'tables',
  table: 'data_tables',
  entry: {
    id: 'name',
    fields: [
      { field: 'columns', column: 'columns', type: 'object', required: true },
      { field: 'created_at', column: 'created_at', type: 'time' },
    ],
  },
  only: 'not r.implicit',
  replaces: 'r.implicit',
  derived: { implicit: 'false' },
  // records that are adopted go behind the memory of the records, where there is one
  before: `(select hold_import('database') from good g join data_tables t on t.implicit and t.id = g.id and t.organization_id <> g.organization_id limit 1)
union all (${lockTables('alone', 'select organization_id as organization, id as name from good')})`,
  also: {
    strays: `select r.organization_id, r.id, w.organization_id as home, nextval('row_version') as version
from written w join data_tables t on t.implicit and t.id = w.id and t.organization_id <> w.organization_id
join data_records r on r.organization_id = t.organization_id and r.table_id = t.id`,
    adopted: `update data_records r set organization_id = s.home, version = s.version, extra = jsonb_set(r.extra, '{imported,0}', to_jsonb(s.version))
from strays s where r.organization_id = s.organization_id and r.id = s.id`,
    left_over: `delete from data_tables t using written w where t.implicit and t.id = w.id and t.organization_id <> w.organization_id`,
  },
}

/**
 * `database`: table -> record id -> data. Its organization is that of the only table so named, else the request's. A table that is
 * known by its records alone is implicit.
 */
export const database: Collection = {
  name: 'database',
  table: 'data_records',
  entry: { scalar: { column: 'data', type: 'object' } },
  nested: { kind: 'map', key: 'table_id', place: 'record_id', id: 'record_key(key, place)' },
  organization: 'select min(t.organization_id) from data_tables t where t.id = key and t.deleted_at is null having count(*) = 1',
  // an implicit table goes behind the memory of the tables, where there is one
  before: `${lockTables('shared', 'select organization_id as organization, key as name from good')}
where (select hold_import('tables') from good limit 1) is not null`,
  also: {
    implied: `insert into data_tables (organization_id, id, implicit, version, created_at, updated_at)
select organization_id, key, true, nextval('row_version'), now(), now()
from (select distinct organization_id, key from written where fresh) t on conflict do nothing`,
  },
}
