import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Part } from '../../shared/job.ts'

/** Deltas that one step takes. */
const STEP = 10_000

const quarter = (n: number) => `coalesce(sum(count) filter (where quarter = hour + interval '${15 * n} minutes'), 0)`

/** Adds what was taken to a table of counts: rows of `columns` by the hour, whose id is made of the hour and of `counted`. */
const added = (table: string, columns: string, counted: string, from: string): string => `insert into ${table} as r
    (organization_id, id, hour, ${columns}, count, quarters, version, created_at, updated_at)
  select organization_id, rollup_id(hour, ${counted}), hour, ${columns}, count, quarters, nextval('row_version'), now(), now()
  from (
    select organization_id, hour, ${columns}, sum(count)::bigint as count, array[${[0, 1, 2, 3].map(quarter).join(', ')}]::bigint[] as quarters
    from ${from} group by organization_id, hour, ${columns}
  ) hourly
  order by 1, 2
  on conflict (organization_id, id) do update
  set count = r.count + excluded.count, version = nextval('row_version'), updated_at = excluded.updated_at,
    quarters = array(select a + b from unnest(r.quarters, excluded.quarters) with ordinality u (a, b, i) order by i)`

/** One transaction takes the deltas away and adds them: they are in the one place or in the other. What others hold is left to them. */
const rollUpStep = `with taken as materialized (
  delete from event_deltas where (organization_id, id) in
    (select organization_id, id from event_deltas order by organization_id, id limit $1::int for update skip locked)
  returning organization_id, quarter, date_bin('1 hour', quarter, 'epoch') as hour, event_type, agent_id, count
), rolled as (
  ${added('event_rollups', 'event_type, agent_id', 'event_type, agent_id', 'taken')}
), totalled as (
  ${added(
    'event_totals',
    'dimension, value',
    'dimension, value',
    `(select organization_id, hour, quarter, count, dimension, value
      from taken, lateral (values ('event_type', event_type), ('agent_id', agent_id)) v (dimension, value)) taken`,
  )}
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
