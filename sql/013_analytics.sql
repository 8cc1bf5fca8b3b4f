-- 013_analytics: what happened (events), how often by the hour (rollups), and metrics that somebody computed.
-- Needs 007_migration. Safe while functions serve: adds tables and functions only.
-- Events are partitioned by the month in which they occurred. Whatever inserts them (a batch, an import, COPY) leaves, by trigger and in
-- its own transaction, what it adds to the counts in event_deltas; a job folds those into the rollups and removes them. So nothing can
-- be missed or counted twice: an uncommitted event has no delta yet, a duplicate makes none, and a late one makes one like any other.

set local role agenthub_owner;

create table analytics_events (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 300),
  event_type text collate "C" not null check (char_length(event_type) between 1 and 200),
  event_data jsonb, -- absent is null, null is 'null', and {} is itself
  agent_id text collate "C" check (char_length(agent_id) <= 250), -- as a dictionary's key named it: never refused at import
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null check (created_at >= '1970-01-01T00:00:00Z' and created_at < '2100-01-01T00:00:00Z'), -- when it occurred
  updated_at timestamptz not null, -- when it came in
  primary key (organization_id, id, created_at)
) partition by range (created_at);

create index analytics_events_newest on analytics_events (organization_id, created_at desc, id desc);
create index analytics_events_agent on analytics_events (organization_id, agent_id, created_at desc, id desc);
create index analytics_events_time on analytics_events using brin (organization_id, created_at); -- for work across organizations

-- Empty but for events whose month could not be made in time: maintain-partitions moves them, and fails while it cannot.
create table analytics_events_default partition of analytics_events default;

-- One row for one event, whatever time a retry carries: a key of a partitioned table must hold the time. Pruned with the partitions.
create table analytics_event_keys (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  version bigint not null default nextval('row_version'),
  created_at timestamptz not null, -- the event's
  updated_at timestamptz not null default now(),
  primary key (organization_id, id)
);

-- What is not in the rollups yet: the counts, by the quarter of an hour, that one statement added. Zones may stand half an hour off.
create sequence event_delta_number as bigint;
grant usage on sequence event_delta_number to agenthub_app, agenthub_jobs;
create table event_deltas (
  organization_id text collate "C" not null,
  id text collate "C" not null default 'evd_' || lpad(to_hex(nextval('event_delta_number')), 16, '0'),
  quarter timestamptz not null,
  event_type text collate "C" not null,
  agent_id text collate "C",
  count bigint not null,
  version bigint not null default nextval('row_version'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000); -- a queue: rows come and go
create index event_deltas_quarter on event_deltas (organization_id, quarter);

-- Events by the hour; `quarters` are the four quarters of `count`. The id is made of the hour and what is counted.
create table event_rollups (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  hour timestamptz not null,
  event_type text collate "C" not null,
  agent_id text collate "C",
  count bigint not null,
  quarters bigint[] not null check (cardinality(quarters) = 4),
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
) with (fillfactor = 80);
create index event_rollups_type on event_rollups (organization_id, event_type, hour);

-- The same by the day (UTC) and summed by one dimension: what most series and reports ask for is a few rows a day, however many agents
-- there are. `running` is the count by the end of each of the day's 96 quarters: any stretch of them is one subtraction.
create table event_totals (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  day date not null,
  dimension text not null check (dimension in ('event_type', 'agent_id')),
  value text collate "C", -- null: events of no agent
  count bigint not null,
  running bigint[] not null check (cardinality(running) = 96 and running[96] = count),
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
) with (fillfactor = 80);
create index event_totals_day on event_totals (organization_id, dimension, day);
create index event_totals_value on event_totals (organization_id, dimension, value, day);

create function rollup_id(begun timestamptz, variadic counted text[]) returns text language sql immutable parallel safe
return to_hex(extract(epoch from begun)::bigint) || '_' || left(encode(sha256(convert_to(to_json(counted)::text, 'UTF8')), 'hex'), 32);

create function count_events() returns trigger language plpgsql as $$
begin
if tg_op = 'INSERT' then
  insert into event_deltas (organization_id, quarter, event_type, agent_id, count)
  select organization_id, date_bin('15 minutes', created_at, 'epoch'), event_type, agent_id, count(*) from new_rows group by 1, 2, 3, 4;
elsif tg_op = 'DELETE' then
  insert into event_deltas (organization_id, quarter, event_type, agent_id, count)
  select organization_id, date_bin('15 minutes', created_at, 'epoch'), event_type, agent_id, -count(*) from old_rows group by 1, 2, 3, 4;
else
  insert into event_deltas (organization_id, quarter, event_type, agent_id, count)
  select organization_id, date_bin('15 minutes', created_at, 'epoch'), event_type, agent_id, sum(n)
  from (select *, 1 as n from new_rows union all select *, -1 from old_rows) changed group by 1, 2, 3, 4 having sum(n) <> 0;
end if;
return null;
end
$$;

-- For tables whose rows come by the thousand and are not changed afterwards: one audit event a statement and organization, which tells
-- how many rows and the first and last of their ids. Argument: the entity's name.
create function audit_batch() returns trigger language plpgsql as $$
declare
asker jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{}');
who text := coalesce(nullif(current_setting('app.actor', true), ''), 'role:' || current_user);
begin
if tg_op = 'DELETE' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select organization_id, who, asker ->> 'on_behalf_of', 'remove', tg_argv[0], min(id), asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    jsonb_build_object('count', count(*), 'first', min(id), 'last', max(id)), null
  from old_rows group by organization_id;
else
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select organization_id, who, asker ->> 'on_behalf_of', case tg_op when 'INSERT' then 'create' else 'update' end, tg_argv[0], min(id),
    asker ->> 'request_id', asker ->> 'address', asker ->> 'reason', null, jsonb_build_object('count', count(*), 'first', min(id), 'last', max(id))
  from new_rows group by organization_id;
end if;
return null;
end
$$;

-- Puts a trigger on each kind of change of a table: `body` sees the rows as new_rows and old_rows.
create function make_statement_triggers(target regclass, name text, body text) returns void language plpgsql as $$
begin
execute format('create trigger %I after insert on %s referencing new table as new_rows for each statement execute function %s', name || '_insert', target, body);
execute format('create trigger %I after update on %s referencing old table as old_rows new table as new_rows for each statement execute function %s', name || '_update', target, body);
execute format('create trigger %I after delete on %s referencing old table as old_rows for each statement execute function %s', name || '_delete', target, body);
end
$$;

-- A metric holds until it expires: that much after it was computed, or never where that is no number or beyond three centuries.
create function expiry_of(computed_at timestamptz, ttl_seconds numeric) returns timestamptz language sql immutable parallel safe
return case when abs(ttl_seconds) <= 1e10 then computed_at + make_interval(secs => ttl_seconds::float8) end;

create table metrics_cache (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200), -- the metric's key
  key text collate "C" not null generated always as (id) stored,
  value jsonb not null,
  computed_at timestamptz not null,
  ttl_seconds numeric,
  expires_at timestamptz generated always as (expiry_of(computed_at, ttl_seconds)) stored,
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);

select make_tenant_table('analytics_events'), make_tenant_table('analytics_event_keys'), make_tenant_table('event_deltas'),
  make_tenant_table('event_rollups'), make_tenant_table('event_totals'), make_tenant_table('metrics_cache');
revoke update, delete on analytics_events from agenthub_app, agenthub_jobs;
revoke update, delete on analytics_event_keys, event_deltas from agenthub_app;
revoke insert, update, delete on event_rollups, event_totals from agenthub_app;
select make_statement_triggers('analytics_events', 'audit', 'audit_batch(''event'')'),
  make_statement_triggers('analytics_events', 'count', 'count_events()');
select make_audited('metrics_cache', 'metric');

-- Months before `closed_before` are over: their events are refused, and their partitions may be dropped. A platform table.
create table analytics_retention (
  id boolean primary key default true check (id),
  closed_before timestamptz not null default '-infinity'
);
insert into analytics_retention default values;
grant select on analytics_retention to agenthub_app, agenthub_jobs;

create function event_partition(month date) returns text language sql immutable parallel safe
return 'analytics_events_' || lpad(extract(year from month)::text, 4, '0') || '_' || lpad(extract(month from month)::text, 2, '0');

-- The months that have a partition.
create function event_months() returns setof date language sql stable as $$
select make_date(n[1]::int, n[2]::int, 1)
from pg_partition_tree('analytics_events'), regexp_match(relid::regclass::text, '_(\d{4})_(\d\d)$') n
where isleaf and n is not null
order by 1
$$;

-- Makes one month's partition, and moves there what waits for it in the default one. Null where its locks cannot be had in time: that
-- is no error, what comes meanwhile goes to the default partition.
create function make_event_month(month date) returns int language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '1s' as $$
declare
partition text := event_partition(month);
first timestamptz := month::timestamp at time zone 'UTC';
beyond timestamptz := (month + interval '1 month') at time zone 'UTC';
begin
perform pg_advisory_xact_lock(hashtextextended('analytics_events partitions', 0));
perform from pg_class where relname = partition and relnamespace = 'public'::regnamespace; -- to_regclass may not have heard of it yet
if found then
  return 0;
end if;
lock table analytics_events_default in access exclusive mode;
execute format('create table %I (like analytics_events including all)', partition);
execute format('with moved as (delete from analytics_events_default where created_at >= %L and created_at < %L returning *) insert into %I select * from moved',
  first, beyond, partition);
-- attached rather than made as a partition, which would wait for every reader and writer of the table
execute format('alter table analytics_events attach partition %I for values from (%L) to (%L)', partition, first, beyond);
return 1;
exception when lock_not_available then
  return null;
end
$$;

-- What must come before an insert, in its transaction: the partitions of its months are there from then on until it ends.
create function make_event_months(months date[]) returns int language plpgsql security definer set search_path = public, pg_temp as $$
declare
made int := 0;
more int;
month date;
begin
lock table only analytics_events in row exclusive mode; -- the insert's own lock: no partition is dropped in between
for month in
  select distinct date_trunc('month', m)::date from unnest(months) m, analytics_retention
  where m >= closed_before and m >= '1970-01-01' and m < '2100-01-01' and to_regclass(event_partition(date_trunc('month', m)::date)) is null order by 1
loop
  more := make_event_month(month);
  exit when more is null; -- who holds the locks holds them for every month
  made := made + more;
end loop;
return made;
end
$$;

-- The same for an import, by the events' times. A month that is closed is refused: its events were counted before they were dropped.
create function import_event_months(times timestamptz[]) returns int language plpgsql as $$
begin
if exists (select from unnest(times) at, analytics_retention where at < closed_before) then
  raise exception 'the events of that month are kept no longer' using errcode = '23514';
end if;
return make_event_months(array(select distinct (at at time zone 'UTC')::date from unnest(times) at));
end
$$;

-- Moves the events of one month out of the default partition: that month, or null where none is left.
create function empty_event_default() returns date language plpgsql security definer set search_path = public, pg_temp as $$
declare
month date := (select date_trunc('month', created_at at time zone 'UTC')::date from analytics_events_default limit 1);
begin
if month is not null and make_event_month(month) is distinct from 1 then
  raise exception 'events of % stay in the default partition', month using errcode = '55P03';
end if;
return month;
end
$$;

-- Closes the months before `before`. Not while a process may hold all events in memory: it would miss what is dropped.
create function close_event_months(before timestamptz) returns timestamptz language plpgsql security definer set search_path = public, pg_temp as $$
declare
closed timestamptz;
begin
perform pg_advisory_xact_lock_shared(migration_lock('analytics_data'));
update analytics_retention set closed_before = greatest(closed_before, date_trunc('month', before at time zone 'UTC') at time zone 'UTC')
where not exists (select from migration_stages where collection = 'analytics_data' and stage not in ('rampdown', 'complete'));
select closed_before into closed from analytics_retention;
return closed;
end
$$;

-- Drops a closed month: only when all its events are in the rollups, those of the last transactions included.
create function drop_event_month(month date) returns boolean language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
first timestamptz := month::timestamp at time zone 'UTC';
beyond timestamptz := (month + interval '1 month') at time zone 'UTC';
begin
lock table only analytics_events in access exclusive mode; -- behind every insert that began before the month was closed
if exists (select from analytics_retention where closed_before < beyond)
  or exists (select from event_deltas where quarter >= first and quarter < beyond) then
  return false;
end if;
execute format('drop table if exists %I', event_partition(month));
return true;
end
$$;

-- Their owner makes the partitions and the reports: it sees what they are made of.
create policy owner on event_deltas for select to agenthub_owner using (true);
create policy owner on event_totals for select to agenthub_owner using (true);

revoke execute on function make_event_month, make_event_months, empty_event_default, close_event_months, drop_event_month from public;
grant execute on function make_event_months to agenthub_app, agenthub_jobs;
grant execute on function empty_event_default, close_event_months, drop_event_month to agenthub_jobs;

select make_event_months(array(select (date_trunc('month', now() at time zone 'UTC') + n * interval '1 month')::date from generate_series(0, 12) n));

reset role;
