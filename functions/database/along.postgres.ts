import type { Range, Values } from '../../shared/db/where.ts'
import { stringify } from '../../shared/json.ts'
import { type Asking, type Chosen, chosenBy, RECORDS, type Sorted } from './asking.postgres.ts'

const GATE = 'exists (select from few where keys is null and sorted)'

/**
 * The way along the index of the field that the order begins with, within the filter's range of that field, if it has one; and where
 * that ends, what is not in the index (nothing of a range is). Neither is gone unless the field is indexed; the second only as far as the
 * page is not full.
 */
export const alongIndex = (asking: Asking): { before: string; way: string } => {
  const { keys, sought, slice, values } = asking
  const [first, ...others] = keys as [Sorted, ...Sorted[]]
  const field = values.add(first.field, 'text')
  const range = sought.ranges.find(one => one.field === first.field)
  const start = slice.after ? `and i.value ${first.direction === 'asc' ? '>=' : '<='} ${values.add(slice.after[0] as string, 'text')}` : ''
  const within = range ? 'and i.value >= (select low from range) and i.value <= (select high from range)' : ''
  const inIndex = chosenBy({ ...asking, keys: [{ ...first, sql: 'i.value' }, ...others] })
  return {
    before: `${range ? boundsOf(range, field, values) : ''}, indexed as materialized (
  ${inIndex.select} from data_index i join data_records r on r.organization_id = i.organization_id and r.id = i.record_id
  where ${GATE} and i.organization_id = $1 and i.table_id = $2 and i.field = ${field} ${start} ${within} and ${RECORDS} and ${inIndex.filter}
  ${inIndex.by} limit $3::int + 1
)`,
    way: `select * from indexed${range ? '' : outside(chosenBy(asking), field)}`,
  }
}

const boundsOf = (range: Range, field: string, values: Values): string => `, range as materialized (
  select low, high from owner, indexed_columns(columns) c, key_range(${values.add(stringify(range), 'jsonb')}, c.as_time)
  where c.field = ${field}
)`

const outside = ({ select, filter, by }: Chosen, field: string): string => `
  union all
  (${select} from data_records r
  where ${GATE} and ${RECORDS} and ${filter}
    and not exists (select from data_index i where i.organization_id = $1 and i.table_id = $2 and i.record_id = r.id and i.field = ${field})
  ${by} limit (select $3::int + 1 - count(*) from indexed))`
