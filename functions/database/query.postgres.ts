import type { Statement } from '../../shared/db/batch.ts'
import { jsonOf, stamps } from '../../shared/db/rows.ts'
import { type Looks, type Sought, soughtOf, type Values, valuesOf, whereSql } from '../../shared/db/where.ts'
import { invalid } from '../../shared/errors.ts'
import { stringify } from '../../shared/json.ts'
import type { Slice } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import { alongIndex } from './along.postgres.ts'
import { type Asking, type Chosen, chosenBy, LIMITS, type Limits, RECORDS, sorted } from './asking.postgres.ts'
import { throughHits } from './newest.postgres.ts'
import type { Asked } from './store.ts'

const looks: Looks = { data: 'r.data', columns: '(select columns from owner)' }

/**
 * The table, and the keys of the few records that the filter can match: null where an index does not tell. `by`: the field that an
 * order begins with; `sorted`: it is indexed.
 */
const candidates = (
  owner: string,
  { ranges, containing }: Sought,
  few: number,
  values: Values,
  { among, by }: { among?: readonly string[] | undefined; by?: string | undefined },
): string => {
  const sought = () =>
    `record_candidates($2, columns, ${values.add(stringify(ranges), 'jsonb')}, ${values.add(stringify(containing), 'jsonb')}, ${few})`
  const given = () => `array(select record_key($2, id) from jsonb_array_elements_text(${values.add(stringify(among), 'jsonb')}) id)`
  const keys = among ? given() : ranges.length + containing.length > 0 ? sought() : 'null::text[]'
  const sorted = by === undefined ? 'false' : `exists (select from indexed_columns(columns) where field = ${values.add(by, 'text')})`
  return `with owner as materialized (
  select columns from ${owner}($1, $2)
), few as materialized (
  select ${keys} as keys, ${sorted} as sorted from owner
)`
}

/** The records of the candidates' keys. */
const CANDIDATES = `from data_records r
  where (select keys from few) is not null and r.id = any ((select keys from few)::text[]) and ${RECORDS}`

/** The way by the candidates' keys: in their order before they are filtered, which costs more, as far as the page is not full. */
const byKeys = ({ select, filter, by }: Chosen, most: string): string => `(select * from (${select} ${CANDIDATES} ${by} offset 0) r
  where ${filter} ${by} limit ${most})`

/** The way through the table's list. */
const throughList = (select: string, filter: string, rest = ''): string => `(${select} from data_records r
  where exists (select from few where keys is null and not sorted) and ${RECORDS} and ${filter}
  ${rest})`

/** The ways to a page's records, of which Postgres goes one. */
const waysOf = (asking: Asking, chosen: Chosen, limits: Limits): { before: string; ways: string } => {
  const { select, filter, by } = chosen
  const most = '$3::int + 1'
  const [keys, list] = [byKeys(chosen, most), throughList(select, filter, `${by} limit ${most}`)]
  if (asking.keys.length === 0 && asking.sought.ranges.length === 0) return { before: '', ways: `${keys} union all ${list}` }
  const { before, way } = asking.keys.length > 0 ? alongIndex(asking) : throughHits(asking, limits)
  return { before, ways: [keys, ...(asking.keys.length > 0 ? [list] : []), way].join('\n  union all\n  ') }
}

const fieldsOf = (select: readonly string[], values: Values): string => {
  const names = `jsonb_array_elements_text(${values.add(stringify(select), 'jsonb')})`
  return `(select coalesce(jsonb_object_agg(name, data -> name), '{}') from ${names} name where data ? name) as data`
}

/** A page of the records that a filter likes. Throws invalid_request for a cursor of another order. */
export const queryStatement = (organization: string, table: string, asked: Asked, slice: Slice, limits: Limits = LIMITS): Statement => {
  const { where, order, select } = asked
  if (slice.after && slice.after.length !== order.length + 2) throw invalid('cursor', 'is not a cursor of this query')
  const values = valuesOf([organization, table, slice.limit])
  const sought = soughtOf(where)
  const head = candidates('data_table', sought, limits.few, values, { by: order[0]?.field })
  const keys = sorted(order, values)
  const asking: Asking = { keys, filter: whereSql(where, looks, values), sought, slice, values }
  const chosen = chosenBy(asking)
  const { before, ways } = waysOf(asking, chosen, limits)
  const json = jsonOf(`record_id as id, organization_id, table_id as "table", ${select ? fieldsOf(select, values) : 'data'}, ${stamps}`)
  const names = keys.map(({ name }) => name)
  return {
    name: 'records.query',
    nameless: true,
    text: `${head}${before}, page as (
  ${ways}
)
select ${['record_id', 'version', json, ...names, 'iso(created_at)', 'record_id'].join(', ')}
from page r ${chosen.by}
limit $3::int + 1`,
    values: values.list,
  }
}

/** Removes what a filter likes (of `among`), and answers how many they were. What changes meanwhile is looked at again. */
export const removeStatement = (organization: string, table: string, where: Where, at: string, among?: readonly string[]): Statement => {
  const values = valuesOf([organization, table, at])
  const head = candidates('writable_table', soughtOf(where), LIMITS.few, values, { among })
  const filter = whereSql(where, looks, values)
  return {
    name: 'records.remove_where',
    nameless: true,
    text: `${head}, found as materialized (
  select r.id ${CANDIDATES} and ${filter}
  union all
  ${throughList('select r.id', filter)}
), gone as (
  update data_records r set deleted_at = $3::timestamptz, updated_at = $3::timestamptz, version = nextval('row_version')
  where r.organization_id = $1 and r.id in (select id from found) and r.deleted_at is null and ${filter}
  returning 1
)
select (select count(*) from gone) from few`,
    values: values.list,
  }
}
