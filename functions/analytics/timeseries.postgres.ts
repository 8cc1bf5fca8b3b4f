import type { Columns, Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { invalid } from '../../shared/errors.ts'
import type { CountStore, Series } from './store.ts'

/** The most items of an answer. */
const MOST = 10_000

/** How the next bucket is found: by local days, weeks and months; half hours find every local hour, whatever a zone's clock does. */
const steps = { hour: '30 minutes', day: '1 day', week: '7 days', month: '1 month' }

/** By the day: what of a day belongs to a bucket is one subtraction. */
const byDay = (group: string, which: string): string => `select first, grp, sum(n) from (
    select b.first, ${group} as grp, running[case when t.day = b.last_day then b.last_quarter else 96 end]
      - case when t.day = b.first_day and b.first_quarter > 1 then running[b.first_quarter - 1] else 0 end as n
    from bucket b cross join lateral generate_series(b.first_day, b.last_day, '1 day') d (day) join event_totals t on t.day = d.day::date
    where organization_id = $1 and ${which} and t.day >= (select first_day from bounds) and t.day <= (select last_day from bounds)
    offset 0) p
  group by 1, 2`

/** By the hour, for what is asked by two dimensions. */
const byHour = (group: string, which: string): string => `select b.first, p.grp, p.count from bucket b cross join lateral (
    select ${group}, sum(case when hour >= b.first and hour < b.last_hour then count
      else (select sum(q) from unnest(quarters) with ordinality u (q, i)
        where hour + (i - 1) * interval '15 minutes' >= b.first and hour + (i - 1) * interval '15 minutes' < b.beyond) end)
    from event_rollups
    where organization_id = $1 and ${which} and hour >= b.first_hour and hour < b.beyond
    group by 1) p (grp, count)`

/** Where what is asked for is read: the fewest rows there are. */
const sources = {
  all: byDay('null::text', "dimension = 'event_type'"),
  type: byDay('null::text', "dimension = 'event_type' and value = $6"),
  byType: byDay('value', "dimension = 'event_type'"),
  typeByType: byDay('value', "dimension = 'event_type' and value = $6"),
  byAgent: byDay('value', "dimension = 'agent_id'"),
  typeByAgent: byHour('agent_id', 'event_type = $6'),
} as const

const sourceOf = ({ event_type, group_by }: Series): keyof typeof sources => {
  if (group_by === undefined) return event_type === undefined ? 'all' : 'type'
  const by = group_by === 'event_type' ? 'ByType' : 'ByAgent'
  return event_type === undefined ? (`b${by.slice(1)}` as 'byType' | 'byAgent') : (`type${by}` as 'typeByType' | 'typeByAgent')
}

/**
 * Buckets are found by the zone's own rules, then each is read by the index. What is not rolled up yet is added, so that an accepted event counts at once. Bounds stand as columns of
 * their own: behind row-level security an index is entered by plain comparisons alone.
 * Answers one row: the body, or why there is none.
 */
const textOf = ({ interval, group_by }: Series, pieces: string): string => {
  const dimension = group_by ?? 'null::text'
  return `with asked as materialized (select $2::timestamptz as since, $3::timestamptz as until
), edge as materialized (
  select distinct date_trunc('${interval}', at, $4) as edge
  from asked, generate_series(date_trunc('${interval}', since, $4), until + interval '2 ${interval}', '${steps[interval]}', $4) at
), bucket as materialized (
  select first, beyond, date_bin('1 hour', first, 'epoch') as first_hour, date_bin('1 hour', beyond, 'epoch') as last_hour,
    (first at time zone 'UTC')::date as first_day, (last at time zone 'UTC')::date as last_day,
    (extract(epoch from first - date_bin('1 day', first, 'epoch')) / 900)::int + 1 as first_quarter,
    (extract(epoch from last - date_bin('1 day', last, 'epoch')) / 900)::int + 1 as last_quarter
  from (select edge as first, lead(edge) over (order by edge) as beyond from edge) e, lateral (select beyond - interval '15 minutes' as last) l
  where first < (select until from asked) and beyond > (select since from asked)
), bounds as materialized (
  select min(first) as first, max(beyond) as beyond, min(first_day) as first_day, max(last_day) as last_day, count(*) as buckets,
    bool_and(date_bin('15 minutes', first, 'epoch') = first and date_bin('15 minutes', beyond, 'epoch') = beyond) as exact
  from bucket
), counted (first, grp, count) as materialized (
  ${pieces}
  union all
  select date_trunc('${interval}', quarter, $4), ${dimension}, sum(count) from event_deltas
  where organization_id = $1 and quarter >= (select first from bounds) and quarter < (select beyond from bounds)
    and ($6::text is null or event_type = $6)
  group by 1, 2
), grp as materialized (
  ${group_by ? 'select distinct grp from counted where count <> 0' : 'select null::text as grp'}
), item as (
  select b.first, g.grp, coalesce(sum(c.count), 0) as count
  from bucket b cross join grp g left join counted c on c.first = b.first and c.grp is not distinct from g.grp
  where (select buckets from bounds) * (select count(*) from grp) <= $5::int
  group by 1, 2
)
select json_build_object('items', coalesce(
    (select json_agg(json_build_object('bucket', iso(first)${group_by ? ", 'group', grp" : ''}, 'count', count) order by first, grp) from item), '[]'))::text,
  case when not exact then 'zone' when buckets * (select count(*) from grp) > $5::int then 'many' end
from bounds`
}

const statement = (organization: string, series: Series): Statement => {
  const { interval, from, to, tz, event_type = null } = series
  const source = sourceOf(series)
  return {
    name: `events.series_${interval}_${source}`,
    text: textOf(series, sources[source]),
    values: [organization, from, to, tz, MOST, event_type],
  }
}

const whyNot = {
  zone: () => invalid('tz', 'this zone stood beside the quarters of UTC hours then: its buckets cannot be told exactly'),
  many: () => invalid('from', `the answer would have more than ${MOST} items: ask for less time, or for a longer interval`),
}

/** Time series over the rollups, and over what is not in them yet: one statement. */
export const postgresCounts = (db: Database): CountStore => ({
  series: async (scope, series) => {
    const [row] = await db.read(scope, statement(scope.organization_id, series))
    const [body, why] = row as Columns
    if (why) throw whyNot[why as keyof typeof whyNot]()
    return body as string
  },
})
