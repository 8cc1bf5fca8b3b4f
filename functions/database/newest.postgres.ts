import { stringify } from '../../shared/json.ts'
import { type Asking, beyond, type Limits, NEWEST_FIRST, RECORDS } from './asking.postgres.ts'

/**
 * The way through the table's list, newest first, where more than few records are in the filter's ranges. As long as matches are
 * anywhere, a page of them is `near`. Where they are not, the index of a range tells the newest of them (`hits`), which are read one by
 * one as far as the page is not full, and the list is walked on from where that ends.
 */
export const throughHits = ({ filter, sought, slice, values }: Asking, { near, hits }: Limits): { before: string; way: string } => {
  const behind = beyond([], slice, values)
  const ranges = values.add(stringify(sought.ranges), 'jsonb')
  const page = '$3::int + 1'
  const list = `from data_records r where ${RECORDS} and ${behind}`
  const rest =
    "(r.created_at, r.record_id) < ((select end_at from hits), (select substr(end_key, length(record_key($2, '')) + 1) from hits))"
  return {
    before: `, near as materialized (
  select r.* from (select r.* ${list} and (select keys from few) is null ${NEWEST_FIRST} limit ${near}) r
  where ${filter} ${NEWEST_FIRST} limit ${page}
), hits as materialized (
  select h.* from owner, (select r.created_at, r.record_id ${list} ${NEWEST_FIRST} offset ${near - 1} limit 1) edge,
    newest_hits($2, owner.columns, ${ranges}, edge.created_at, record_key($2, edge.record_id), ${hits}) h
  where (select keys from few) is null and (select count(*) from near) < ${page}
), hit as materialized (
  select r.* from unnest((select keys from hits)) with ordinality h (key, place) join data_records r on r.id = h.key
  where ${RECORDS} and ${filter} order by place limit ${page}
)`,
    way: `select * from near
  union all
  (select * from hit ${NEWEST_FIRST.replaceAll('r.', 'hit.')} limit (select ${page} - count(*) from near))
  union all
  (select r.* from data_records r
  where (select end_at from hits) is not null and ${RECORDS} and ${rest} and ${filter}
  ${NEWEST_FIRST} limit (select ${page} - (select count(*) from near) - (select count(*) from hit)))`,
  }
}
