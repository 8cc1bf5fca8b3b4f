import type { Columns, Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { invalid } from '../../shared/errors.ts'
import type { CountStore, Series } from './store.ts'
import type { Interval } from './timeseries.schema.ts'

/** The most items of an answer. */
const MOST = 10_000

/**
 * The instants at which buckets begin, by the zone's own rules. Hours begin where a local hour does, `step` apart: an hour of which a
 * clock repeats or leaves out a part (Lord Howe's moves by half an hour) is one bucket with what follows.
 */
const edgesOf = (interval: Interval): string =>
  interval === 'hour'
    ? `select at as edge from asked, generate_series(date_trunc('hour', since, $4) - interval '2 hours', until + interval '2 hours', step) at
  where step = interval '1 hour' or date_trunc('hour', at, $4) = at`
    : `select distinct date_trunc('${interval}', at, $4) as edge
  from asked, generate_series(date_trunc('${interval}', since, $4), until + interval '2 ${interval}', '1 ${interval}', $4) at`

/** By the day: what of a day belongs to a bucket is one subtraction. */
const byDay = (
  group: string,
  which: string,
  table = 'event_totals',
): string => `select p.first, t.grp, t.running[p.upto] - coalesce(t.running[p.after], 0)
    from piece p join (
      select day, ${group} as grp, running from ${table}
      where organization_id = $1 and ${which} and day >= (select first_day from bounds) and day <= (select last_day from bounds)
      offset 0
    ) t on t.day = p.day`

/** Where what is asked for is read: the fewest rows there are. */
const sources = {
  all: byDay('null::text', "dimension = 'event_type'"),
  type: byDay('null::text', "dimension = 'event_type' and value = $6"),
  byType: byDay('value', "dimension = 'event_type'"),
  typeByType: byDay('value', "dimension = 'event_type' and value = $6"),
  byAgent: byDay('value', "dimension = 'agent_id'"),
  typeByAgent: byDay('agent_id', 'event_type = $6', 'event_agent_totals'),
} as const

const sourceOf = ({ event_type, group_by }: Series): keyof typeof sources => {
  if (group_by === undefined) return event_type === undefined ? 'all' : 'type'
  const by = group_by === 'event_type' ? 'ByType' : 'ByAgent'
  return event_type === undefined ? (`b${by.slice(1)}` as 'byType' | 'byAgent') : (`type${by}` as 'typeByType' | 'typeByAgent')
}

/**
 * Buckets (whole ones, from edge to edge) are cut at midnight UTC into pieces, each of which is one subtraction; what is not rolled up
 * yet is added, so that an accepted event counts at once. Quarters of an hour are numbered from 1970, before which there are no events.
 * All but what is counted is materialized, so that it is reckoned once; bounds stand as columns of their own: behind row-level security
 * an index is entered by plain comparisons alone. The texts of groups are never null, so that they join. JSON is written as text, for
 * making objects costs several times as much. Answers one row: the body, or why there is none.
 */
const textOf = ({ interval, group_by }: Series, pieces: string): string => {
  const dimension = group_by ?? 'null::text'
  const group = group_by ? `,"group":' || label || '` : ''
  return `with asked as materialized (
  select $2::timestamptz as since, $3::timestamptz as until, (
    select case when count(distinct date_trunc('hour', at, $4) - at) = 1 then interval '1 hour' else interval '15 minutes' end
    from generate_series($2::timestamptz - interval '1 day', $3::timestamptz + interval '2 days', '1 day') at) as step
), edge as materialized (
  ${edgesOf(interval)}
), bucket as materialized (
  select first, beyond, (date_part('epoch', first) / 900)::int as first_quarter, (date_part('epoch', beyond) / 900)::int - 1 as last_quarter
  from (select edge as first, lead(edge) over (order by edge) as beyond from edge) e, asked
  where first < until and beyond > since
), bounds as materialized (
  select min(first) as first, max(beyond) as beyond, count(*) as buckets, array_agg(first order by first) as edges,
    date '1970-01-01' + min(first_quarter) / 96 as first_day, date '1970-01-01' + max(last_quarter) / 96 as last_day,
    bool_and(date_bin('15 minutes', first, 'epoch') = first and date_bin('15 minutes', beyond, 'epoch') = beyond) as exact
  from bucket
), piece as materialized (
  select first, date '1970-01-01' + day as day, case day when first_quarter / 96 then first_quarter % 96 else 0 end as after,
    case day when last_quarter / 96 then last_quarter % 96 + 1 else 96 end as upto
  from (select *, generate_series(first_quarter / 96, last_quarter / 96) as day from bucket) b
), counted as materialized (
  select first, grp, coalesce(to_json(grp)::text, 'null') as label, sum(n) as count from (
    ${pieces}
    union all
    select edges[width_bucket(quarter, edges)], ${dimension}, count from event_deltas, bounds
    where organization_id = $1 and quarter >= first and quarter < beyond and ($6::text is null or event_type = $6)
  ) c (first, grp, n)
  group by 1, 2
), grp as materialized (
  ${group_by ? 'select distinct grp, label from counted where count <> 0' : "select null::text as grp, 'null' as label"}
), item as (
  select b.first, g.grp, g.label, coalesce(c.count, 0) as count
  from bucket b cross join grp g left join counted c on c.first = b.first and c.label = g.label
  where (select buckets from bounds) * (select count(*) from grp) <= $5::int
)
select '{"items":[' || coalesce((
    select string_agg('{"bucket":"' || iso(first) || '"${group},"count":' || count || '}', ',' order by first, grp) from item), '') || ']}',
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
