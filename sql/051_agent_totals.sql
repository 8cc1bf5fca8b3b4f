-- 051_agent_totals: events by the day, type and agent, for the series by agent of one type.
-- Needs 013_analytics. Safe while functions serve: adds a table, two functions and a trigger. What leaves event_deltas is added by trigger,
-- so that what a release before this one rolls up counts as well. What was rolled up before gets here in 052.
--
-- Such a series read every hour of every agent: of a month 24 rows where the others read one.

set local role agenthub_owner;

-- As event_totals: `running` is the count by the end of each of the day's 96 quarters.
create table event_agent_totals (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  day date not null,
  event_type text collate "C" not null,
  agent_id text collate "C",
  count bigint not null,
  running bigint[] not null check (cardinality(running) = 96 and running[96] = count),
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
) with (fillfactor = 80);
create index event_agent_totals_type on event_agent_totals (organization_id, event_type, day);
select make_tenant_table('event_agent_totals');
revoke insert, update, delete on event_agent_totals from agenthub_app;

-- Adds counts by the quarter of an hour.
create function add_agent_totals(deltas event_deltas[]) returns void language sql as $$
with quarterly as (
  select organization_id, date_bin('1 day', quarter, 'epoch') as day, quarter, event_type, agent_id, sum(count)::bigint as n
  from unnest(deltas) d group by 1, 2, 3, 4, 5
), daily as (
  select organization_id, day, event_type, agent_id, sum(n)::bigint as count,
    array_agg((extract(epoch from quarter - day) / 900)::int + 1) as places, array_agg(n) as counts
  from quarterly group by 1, 2, 3, 4
)
insert into event_agent_totals as r (organization_id, id, day, event_type, agent_id, count, running, version, created_at, updated_at)
select organization_id, rollup_id(day, event_type, agent_id), (day at time zone 'UTC')::date, event_type, agent_id, count, array(
  select (coalesce(sum(n) over (order by i), 0))::bigint
  from generate_series(1, 96) i left join unnest(places, counts) u (place, n) on place = i order by i), nextval('row_version'), now(), now()
from daily order by 1, 2
on conflict (organization_id, id) do update
set count = r.count + excluded.count,
  running = array(select a + b from unnest(r.running, excluded.running) with ordinality u (a, b, i) order by i),
  version = nextval('row_version'), updated_at = excluded.updated_at
$$;

create function total_agents() returns trigger language plpgsql as $$
begin
perform add_agent_totals(array_agg(row(o.*)::event_deltas)) from old_rows o;
return null;
end
$$;
create trigger totals_delete after delete on event_deltas referencing old table as old_rows for each statement execute function total_agents();

reset role;
