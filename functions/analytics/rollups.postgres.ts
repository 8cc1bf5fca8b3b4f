import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Part } from '../../shared/job.ts'

/** Deltas that one step takes. */
const STEP = 5000

/** Both halves of a sum of arrays, place by place. */
const summed = (column: string) => `array(select a + b from unnest(r.${column}, excluded.${column}) with ordinality u (a, b, i) order by i)`

const changed = (column: string) => `on conflict (organization_id, id) do update
  set count = r.count + excluded.count, ${column} = ${summed(column)}, version = nextval('row_version'), updated_at = excluded.updated_at`

/** Each quarter of an hour or a day, out of those that occur: its own count, or that by its end. */
const quartersOf = (most: number, value: string): string =>
  `array(select (${value})::bigint from generate_series(0, ${most - 1}) i left join unnest(places, counts) u (place, n) on place = i order by i)`

/**
 * One transaction takes the deltas away and adds them: they are in the one place or in the other. What others hold is left to them. Rows
 * are named by where they lie: a queue is empty when its rows are counted, and no join of it would be planned for those that come then.
 */
const rollUpStep = `with taken as materialized (
  delete from event_deltas where ctid = any (
    array(select ctid from event_deltas order by organization_id, id limit $1::int for update skip locked))
  returning organization_id, quarter, event_type, agent_id, count
), hourly as (
  select organization_id, hour, event_type, agent_id, sum(n)::bigint as count,
    array_agg((extract(epoch from quarter - hour) / 900)::int) as places, array_agg(n) as counts
  from (select organization_id, quarter, date_bin('1 hour', quarter, 'epoch') as hour, event_type, agent_id, sum(count) as n
    from taken group by 1, 2, 3, 4, 5) q
  group by 1, 2, 3, 4
), daily as (
  select organization_id, day, dimension, value, sum(n)::bigint as count,
    array_agg((extract(epoch from quarter - day) / 900)::int) as places, array_agg(n) as counts
  from (select organization_id, quarter, date_bin('1 day', quarter, 'epoch') as day, dimension, value, sum(count) as n
    from taken, lateral (values ('event_type', event_type), ('agent_id', agent_id)) v (dimension, value) group by 1, 2, 3, 4, 5) q
  group by 1, 2, 3, 4
), rolled as (
  insert into event_rollups as r (organization_id, id, hour, event_type, agent_id, count, quarters, version, created_at, updated_at)
  select organization_id, rollup_id(hour, event_type, agent_id), hour, event_type, agent_id, count, ${quartersOf(4, 'coalesce(n, 0)')}, nextval('row_version'), now(), now()
  from hourly order by 1, 2
  ${changed('quarters')}
), totalled as (
  insert into event_totals as r (organization_id, id, day, dimension, value, count, running, version, created_at, updated_at)
  select organization_id, rollup_id(day, dimension, value), (day at time zone 'UTC')::date, dimension, value, count, ${quartersOf(96, 'coalesce(sum(n) over (order by i), 0)')},
    nextval('row_version'), now(), now()
  from daily order by 1, 2
  ${changed('running')}
)
select count(*) from taken`

/** Folds what events added to the counts into the rollups: its cost follows what is new. */
export const rollUpEvents = (db: Database): Part => ({
  name: 'roll up events',
  run: async scope => {
    for (let folded = 0; ; ) {
      const [row] = await db.write(scope, { name: 'events.roll_up', text: rollUpStep, values: [STEP] })
      const taken = Number((row as Columns)[0])
      folded += taken
      if (taken < STEP) return folded
    }
  },
})
