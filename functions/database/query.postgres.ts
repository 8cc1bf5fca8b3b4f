import type { Statement } from '../../shared/db/batch.ts'
import { jsonOf, stamps } from '../../shared/db/rows.ts'
import { type Looks, soughtOf, type Values, valuesOf, whereSql } from '../../shared/db/where.ts'
import { invalid } from '../../shared/errors.ts'
import { stringify } from '../../shared/json.ts'
import type { Slice } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import type { Order } from './schema.ts'
import type { Asked } from './store.ts'

/**
 * So many candidates of an index are looked at one by one; of more, a page is found sooner by walking the list: a page of 50 is met
 * within 25,000 of a million records.
 */
const FEW = 2000

const looks: Looks = { data: 'r.data', columns: '(select columns from owner)' }

/**
 * The table, and the keys of the few records that the filter can match: null where an index does not tell. `sorted`: the field that
 * an order begins with is indexed.
 */
const candidates = (where: Where, owner: string, values: Values, more: { among?: readonly string[]; by?: string } = {}): string => {
  const { ranges, containing } = soughtOf(where)
  const sought = () =>
    `record_candidates($2, columns, ${values.add(stringify(ranges), 'jsonb')}, ${values.add(stringify(containing), 'jsonb')}, ${FEW})`
  const given = () => `array(select record_key($2, id) from jsonb_array_elements_text(${values.add(stringify(more.among), 'jsonb')}) id)`
  const keys = more.among ? given() : ranges.length + containing.length > 0 ? sought() : 'null::text[]'
  const sorted =
    more.by === undefined ? 'false' : `exists (select from indexed_columns(columns) where field = ${values.add(more.by, 'text')})`
  return `with owner as materialized (
  select columns from ${owner}($1, $2)
), few as materialized (
  select ${keys} as keys, ${sorted} as sorted from owner
)`
}

const RECORDS = 'r.organization_id = $1 and r.table_id = $2 and r.deleted_at is null'

/** The ways to the records, of which Postgres goes one: by the candidates' keys, or through the table's list. */
const ways = (select: string, filter: string, rest: string): string => `(${select} from data_records r
  where (select keys from few) is not null and r.id = any ((select keys from few)::text[]) and ${RECORDS} and ${filter}
  ${rest})
  union all
  (${select} from data_records r
  where exists (select from few where keys is null and not sorted) and ${RECORDS} and ${filter}
  ${rest})`

type Sorted = { field: string; name: string; sql: string; direction: 'asc' | 'desc' }

/** What has no order comes last, whichever way the rest goes. */
const sorted = (order: readonly Order[], values: Values): Sorted[] =>
  order.map(({ field, direction = 'asc' }, i) => {
    const name = values.add(field, 'text')
    const key = `sort_key(r.data -> ${name}, (select column_type((select columns from owner), ${name})) is not distinct from 'timestamp')`
    return { field, name: `key${i}`, sql: `coalesce(${key}, ${direction === 'asc' ? "'~'" : "''"}) collate "C"`, direction }
  })

/** The condition that a row comes behind the place `after`: keys as texts, then the time and id of the newest first. */
const beyond = (keys: readonly Sorted[], after: readonly string[], values: Values): string => {
  const [at, id] = after.slice(-2) as [string, string]
  const newest = `(r.created_at, r.record_id) < (${values.add(at, 'timestamptz')}, ${values.add(id, 'text')})`
  return keys.reduceRight((rest, { sql, direction }, i) => {
    const value = values.add(after[i] as string, 'text')
    return `(${sql} ${direction === 'asc' ? '>' : '<'} ${value} or (${sql} = ${value} and ${rest}))`
  }, newest)
}

const fieldsOf = (select: readonly string[], values: Values): string => {
  const names = `jsonb_array_elements_text(${values.add(stringify(select), 'jsonb')})`
  return `(select coalesce(jsonb_object_agg(name, data -> name), '{}') from ${names} name where data ? name) as data`
}

/** A page, with what its records are sorted by. */
type Asking = { keys: readonly Sorted[]; filter: string; slice: Slice; values: Values }

const chosenBy = ({ keys, filter, slice, values }: Asking) => {
  const columns = ['r.*', ...keys.map(({ name, sql }) => `${sql} as ${name}`)].join(', ')
  const all = [filter, ...(slice.after ? [beyond(keys, slice.after, values)] : [])].join(' and ')
  const by = [...keys.map(({ name, direction }) => `${name} ${direction}`), 'r.created_at desc', 'r.record_id desc'].join(', ')
  return { select: `select ${columns}`, filter: all, by: `order by ${by}` }
}

/**
 * The third way: along the index of the field that the order begins with, and where that ends, what is not in the index. Neither
 * is gone unless the field is indexed; the second only as far as the page is not full.
 */
const alongIndex = (asking: Asking): { before: string; way: string } => {
  const { keys, slice, values } = asking
  const [first, ...others] = keys as [Sorted, ...Sorted[]]
  const field = values.add(first.field, 'text')
  const start = slice.after ? `and i.value ${first.direction === 'asc' ? '>=' : '<='} ${values.add(slice.after[0] as string, 'text')}` : ''
  const inIndex = chosenBy({ ...asking, keys: [{ ...first, sql: 'i.value' }, ...others] })
  const outside = chosenBy(asking)
  const gate = 'exists (select from few where keys is null and sorted)'
  return {
    before: `, indexed as materialized (
  ${inIndex.select} from data_index i join data_records r on r.organization_id = i.organization_id and r.id = i.record_id
  where ${gate} and i.organization_id = $1 and i.table_id = $2 and i.field = ${field} ${start} and ${RECORDS} and ${inIndex.filter}
  ${inIndex.by} limit $3::int + 1
)`,
    way: `
  union all
  select * from indexed
  union all
  (${outside.select} from data_records r
  where ${gate} and ${RECORDS} and ${outside.filter}
    and not exists (select from data_index i where i.organization_id = $1 and i.table_id = $2 and i.record_id = r.id and i.field = ${field})
  ${outside.by} limit (select $3::int + 1 - count(*) from indexed))`,
  }
}

/** A page of the records that a filter likes. Throws invalid_request for a cursor of another order. */
export const queryStatement = (organization: string, table: string, { where, order, select }: Asked, slice: Slice): Statement => {
  if (slice.after && slice.after.length !== order.length + 2) throw invalid('cursor', 'is not a cursor of this query')
  const values = valuesOf([organization, table, slice.limit])
  const head = candidates(where, 'data_table', values, { ...(order[0] ? { by: order[0].field } : {}) })
  const keys = sorted(order, values)
  const asking: Asking = { keys, filter: whereSql(where, looks, values), slice, values }
  const chosen = chosenBy(asking)
  const along = keys.length > 0 ? alongIndex(asking) : { before: '', way: '' }
  const json = jsonOf(`record_id as id, organization_id, table_id as "table", ${select ? fieldsOf(select, values) : 'data'}, ${stamps}`)
  const names = keys.map(({ name }) => name)
  return {
    name: 'records.query',
    nameless: true,
    text: `${head}${along.before}, page as (
  ${ways(chosen.select, chosen.filter, `${chosen.by} limit $3::int + 1`)}${along.way}
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
  const head = candidates(where, 'writable_table', values, { ...(among ? { among } : {}) })
  const filter = whereSql(where, looks, values)
  return {
    name: 'records.remove_where',
    nameless: true,
    text: `${head}, found as materialized (
  ${ways('select r.id', filter, '')}
), gone as (
  update data_records r set deleted_at = $3::timestamptz, updated_at = $3::timestamptz, version = nextval('row_version')
  where r.organization_id = $1 and r.id in (select id from found) and r.deleted_at is null and ${filter}
  returning 1
)
select (select count(*) from gone) from few`,
    values: values.list,
  }
}
