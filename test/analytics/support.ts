import { postgresEvents } from '../../functions/analytics/postgres.ts'
import { rollUpEvents } from '../../functions/analytics/rollups.postgres.ts'
import type { NewEvent } from '../../functions/analytics/store.ts'
import { postgresCounts } from '../../functions/analytics/timeseries.postgres.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

export const scopeOf = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
export const jobs: Scope = { organization_id: '', caller: { kind: 'jobs', actor: 'test' }, context: { request_id: 'test' } }

/** A database, and the stores of analytics over it. */
export const openAnalytics = async (environment: Record<string, string> = {}) => {
  const database: TestDatabase = await makeTestDatabase({ LOG_LEVEL: 'silent', ...environment })
  const shared: Shared = await shareTest(database)
  const { db } = shared
  return {
    database,
    shared,
    db,
    events: postgresEvents(db),
    counts: postgresCounts(db),
    rollUp: () => rollUpEvents(db).run(jobs),
    stop: async () => {
      await shared.close()
      await database.drop()
    },
  }
}

export const event = (id: string, created_at: string, more: Partial<NewEvent> = {}): NewEvent => ({
  id,
  event_type: 'opened',
  event_data: {},
  agent_id: null,
  created_at,
  ...more,
})

/** Keeps every event that was ever taken in, whatever retention drops of them: what the counts are compared with. */
export const keepEvery = [
  'create table every_event (organization_id text, created_at timestamptz, event_type text, agent_id text)',
  `create function keep_every() returns trigger language plpgsql security definer as $$
begin
insert into every_event select organization_id, created_at, event_type, agent_id from new_rows;
return null;
end
$$`,
  `create trigger keep_every after insert on analytics_events
referencing new table as new_rows for each statement execute function keep_every()`,
]

/** Where the rollups of some organizations, with what is not in them yet unless all is (`folded`), differ from a recount of every event. */
export const differences = async ({ sql }: TestDatabase, prefix: string, folded: boolean): Promise<unknown[]> =>
  sql(
    `with every as (
      select * from every_event where starts_with(organization_id, $1)
    ), counted as (
      select organization_id, date_bin('15 minutes', created_at, 'epoch') as quarter, event_type, agent_id, count(*) as n from every group by 1, 2, 3, 4
    ), kept as (
      select organization_id, quarter, event_type, agent_id, sum(n) as n from (
        select organization_id, hour + (i - 1) * interval '15 minutes' as quarter, event_type, agent_id, q as n
        from event_rollups, unnest(quarters) with ordinality u (q, i)
        union all
        select organization_id, quarter, event_type, agent_id, count from event_deltas
      ) rows where starts_with(organization_id, $1) group by 1, 2, 3, 4 having sum(n) <> 0
    ), by_dimension as (
      select organization_id, date_bin('15 minutes', created_at, 'epoch') as quarter, dimension, value, count(*) as n
      from every, lateral (values ('event_type', event_type), ('agent_id', agent_id)) v (dimension, value) group by 1, 2, 3, 4
    ), totals as (
      select organization_id, day::timestamptz + (i - 1) * interval '15 minutes', dimension, value, running[i] - coalesce(running[i - 1], 0) as n
      from event_totals, generate_series(1, 96) i where running[i] <> coalesce(running[i - 1], 0) and starts_with(organization_id, $1)
    ), agent_totals as (
      select organization_id, day::timestamptz + (i - 1) * interval '15 minutes', event_type, agent_id, running[i] - coalesce(running[i - 1], 0) as n
      from event_agent_totals, generate_series(1, 96) i where running[i] <> coalesce(running[i - 1], 0) and starts_with(organization_id, $1)
    )
    select 'not rolled up' as what, * from (table counted except table kept) d
    union all select 'nowhere', * from (table kept except table counted) d
    union all select 'quarters', organization_id, hour, event_type, agent_id, count from event_rollups where count <> (select sum(q) from unnest(quarters) q)
    union all select 'left over', organization_id, quarter, event_type, agent_id, count from event_deltas where $2 and starts_with(organization_id, $1)
    union all select 'not in the totals', * from (table by_dimension except table totals) t where $2
    union all select 'in the totals alone', * from (table totals except table by_dimension) t where $2
    union all select 'not in the totals of agents', * from (table counted except table agent_totals) t where $2
    union all select 'in the totals of agents alone', * from (table agent_totals except table counted) t where $2`,
    [prefix, folded],
  )
