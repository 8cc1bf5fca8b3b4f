-- 007_migration: the way off the dictionaries: where each collection stands, and which process may hold its memory.
-- Needs 006_conversations. Safe while functions serve: adds tables and functions only.
-- Platform tables: no organization, no row-level security; only the functions of the migration write them.

set local role agenthub_owner;

-- `epoch` rises with every change of stage and every memory lease; a write that was begun under an older one is refused.
-- `clean_pass` is the epoch in which a whole comparison found no difference: a stage is left for the next on its strength alone.
create table migration_stages (
  collection text collate "C" primary key,
  stage text not null check (stage in ('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete')),
  epoch bigint not null default 1,
  changed_at timestamptz not null default clock_timestamp(),
  stage_epoch bigint not null default 1, -- the epoch in which the stage began
  clean_pass bigint,
  wish text check (wish in ('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete')),
  wish_epoch bigint,
  wished_at timestamptz
);

-- Who holds a collection's memory (one, alone), or uses it in rampdown (many). A lease that is not renewed ends by Postgres's clock.
create table migration_leases (
  collection text collate "C" not null references migration_stages,
  instance text collate "C" not null,
  kind text not null check (kind in ('memory', 'shared')),
  epoch bigint not null,
  since bigint not null, -- the epoch before this process took it: nobody else has held the memory from then on
  expires_at timestamptz not null,
  primary key (collection, instance)
);

-- Whole comparisons, and what they found. `finished_at` stays null when the process died in the middle.
create table migration_runs (
  id text collate "C" primary key,
  collection text collate "C" not null references migration_stages,
  kind text not null check (kind in ('verify', 'compare')),
  epoch bigint not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  compared bigint not null default 0,
  differences bigint not null default 0,
  repaired bigint not null default 0
);
create index migration_runs_newest on migration_runs (collection, started_at desc);

create table migration_mismatches (
  run text collate "C" not null references migration_runs on delete cascade,
  organization text collate "C" not null,
  key text collate "C" not null,
  path text not null,
  memory jsonb,
  postgres jsonb,
  found_at timestamptz not null default clock_timestamp(),
  primary key (run, organization, key, path)
);

-- The only tenant data here: seen by the migration alone, which works across organizations.
alter table migration_mismatches enable row level security;
alter table migration_mismatches force row level security;
create policy jobs on migration_mismatches to agenthub_jobs using (true) with check (true);

grant select on migration_stages to agenthub_app;
grant select, insert, update, delete on migration_stages, migration_leases, migration_runs, migration_mismatches to agenthub_jobs;

-- Where a collection stands. A collection met for the first time begins at `first`.
create function migration_stage(name text, first text) returns migration_stages language plpgsql as $$
declare
found_row migration_stages;
begin
select * into found_row from migration_stages where collection = name;
if not found then
  insert into migration_stages (collection, stage) values (name, first) on conflict do nothing;
  select * into found_row from migration_stages where collection = name;
end if;
return found_row;
end
$$;

-- Every transaction that writes while a stage can change holds this lock shared, every change of stage holds it alone:
-- a change waits for the writes that began before it, and the writes that begin after it see the new epoch.
-- (The lock of Postgres's memory, where a row lock `for share` would write the row for every writer.)
create function migration_lock(name text) returns bigint language sql immutable parallel safe
return hashtextextended('migration ' || name, 0);

-- The check inside a writing transaction. Raises AH410 when the epoch is not the one the write was begun under.
create function hold_epoch(name text, expected bigint) returns void language plpgsql as $$
declare
present bigint;
begin
perform pg_advisory_xact_lock_shared(migration_lock(name));
select epoch into present from migration_stages where collection = name;
if present is distinct from expected then
  raise exception 'the epoch of % is % by now', name, present using errcode = 'AH410';
end if;
end
$$;

-- Tells a process where a collection stands and, where the stage asks for one, renews or takes its lease: alone in off to live,
-- beside others in rampdown. A lease of either kind is granted only while nobody holds one that stands against it. A new memory
-- lease raises the epoch in the same transaction: writes of whoever held it before are refused from then on.
create function migration_enter(
  name text, first text, process text, lease_seconds numeric, valid_seconds numeric,
  out stage text, out epoch bigint, out valid_until timestamptz, out wish text, out granted boolean, out since bigint
) language plpgsql as $$
declare
row_found migration_stages;
wanted text;
begin
row_found := migration_stage(name, first);
loop
  wanted := case when row_found.stage = 'complete' then null when row_found.stage = 'rampdown' then 'shared' else 'memory' end;
  granted := true;
  if wanted is null then
    -- behind a change that is on its way to its commit: nobody is told `complete` with a validity that outlasts that change's wait
    perform pg_advisory_xact_lock_shared(migration_lock(name));
    select * into row_found from migration_stages where collection = name;
    exit when row_found.stage = 'complete';
    continue;
  end if;
  update migration_leases set expires_at = clock_timestamp() + make_interval(secs => lease_seconds)
  where collection = name and instance = process and kind = wanted and migration_leases.epoch = row_found.epoch and expires_at > clock_timestamp()
  returning migration_leases.since into since;
  exit when found;
  perform pg_advisory_xact_lock(migration_lock(name));
  select * into row_found from migration_stages where collection = name;
  continue when wanted <> case when row_found.stage = 'complete' then '' when row_found.stage = 'rampdown' then 'shared' else 'memory' end;
  since := coalesce(
    (select l.since from migration_leases l where l.collection = name and l.instance = process and l.kind = 'memory' and l.epoch = row_found.epoch),
    row_found.epoch); -- a lease of its own that ended, and that nobody took over, goes on
  delete from migration_leases where collection = name and (instance = process or expires_at <= clock_timestamp());
  granted := not exists (select from migration_leases where collection = name and (kind = 'memory' or wanted = 'memory'));
  exit when not granted;
  if wanted = 'memory' then
    update migration_stages set epoch = migration_stages.epoch + 1, wish_epoch = migration_stages.epoch + 1 where collection = name returning * into row_found;
  end if;
  insert into migration_leases (collection, instance, kind, epoch, since, expires_at)
  values (name, process, wanted, row_found.epoch, migration_enter.since, clock_timestamp() + make_interval(secs => lease_seconds));
  exit;
end loop;
stage := row_found.stage;
epoch := row_found.epoch;
-- a wish that nobody took up for a minute is forgotten: whoever asked has been told that it was not done
wish := case when row_found.wish_epoch = row_found.epoch and row_found.wished_at > clock_timestamp() - interval '1 minute' then row_found.wish end;
valid_until := clock_timestamp() + make_interval(secs => valid_seconds);
end
$$;

-- Locks a collection against every writer and every other change, and refuses (AH410) when the epoch is not the expected one.
create function migration_hold(name text, expected bigint) returns migration_stages language plpgsql as $$
declare
row_found migration_stages;
begin
perform pg_advisory_xact_lock(migration_lock(name));
select * into row_found from migration_stages where collection = name for update;
if row_found.epoch is distinct from expected then
  raise exception 'the epoch of % is % by now', name, row_found.epoch using errcode = 'AH410';
end if;
return row_found;
end
$$;

-- Raises the epoch for its holder: the writes of the old one have ended, and later ones are refused.
create function migration_raise(name text, process text, expected bigint) returns bigint language plpgsql as $$
begin
perform migration_hold(name, expected);
update migration_leases set epoch = expected + 1 where collection = name and instance = process and kind = 'memory' and epoch = expected;
if not found then
  raise exception 'the lease of % is not held by this process', name using errcode = 'AH410';
end if;
update migration_stages set epoch = expected + 1, wish_epoch = expected + 1 where collection = name;
return expected + 1;
end
$$;

-- The greatest begin of a transaction that is still open here, of anybody but the asker. A definer's function: to see others' needs a right.
create function oldest_transaction() returns timestamptz language sql stable security definer set search_path = public, pg_temp
return (select min(xact_start) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend');

-- Takes a step, after migration_hold() and whatever must be written with it. `asks` says what must hold first: a clean pass of this
-- stage, or the wait after complete (its scopes stay valid for `wait_seconds`; then no transaction begun before may be open).
create function migration_change(name text, process text, expected bigint, target text, asks text, wait_seconds numeric) returns void
language plpgsql as $$
declare
row_found migration_stages;
over timestamptz;
begin
row_found := migration_hold(name, expected);
if asks = 'clean pass' and (row_found.clean_pass is null or row_found.clean_pass < row_found.stage_epoch) then
  raise exception '% needs a clean pass (POST .../verify) made in %', target, row_found.stage using errcode = 'AH419';
end if;
if asks = 'wait' then
  over := row_found.changed_at + make_interval(secs => wait_seconds);
  if clock_timestamp() < over or oldest_transaction() < over then
    raise exception 'processes may still rely on the stage complete' using errcode = 'AH419', hint = ceil(greatest(1, extract(epoch from over - clock_timestamp())))::text;
  end if;
end if;
update migration_stages
set stage = target, epoch = expected + 1, stage_epoch = expected + 1, changed_at = clock_timestamp(), clean_pass = null, wish = null, wish_epoch = null
where collection = name;
if target in ('rampdown', 'complete') then
  delete from migration_leases where collection = name and instance = process;
else
  update migration_leases set epoch = expected + 1 where collection = name and instance = process;
end if;
end
$$;

-- Raises the version sequence above a version that memory has handed out.
create function raise_row_version(beyond bigint) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
perform pg_advisory_xact_lock(hashtextextended('row_version', 0));
-- drawn one by one: to set it could set it back behind what others draw meanwhile
perform nextval('row_version') from generate_series(1, beyond - (select last_value from row_version));
end
$$;

revoke execute on function oldest_transaction, raise_row_version from public;
grant execute on function oldest_transaction, raise_row_version to agenthub_jobs;

do $$
begin
execute 'reset role';
grant pg_read_all_stats to agenthub_owner;
exception when insufficient_privilege then
  raise notice 'pg_read_all_stats cannot be granted here: the wait before live looks at transactions of the same login only';
end
$$;

reset role;
