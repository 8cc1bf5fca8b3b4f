-- 007_migration: the way off the dictionaries: where each collection stands, and which process may hold its memory.
-- Needs 006_conversations. Safe while functions serve: adds tables and functions, and gives the two scope functions one more argument.
-- Platform tables: no organization, no row-level security; only the functions of the migration write them.

set local role agenthub_owner;

-- `epoch` rises with every change of stage and every memory lease; a write that was begun under an older one is refused.
-- `clean_pass` is the epoch in which a whole comparison found no difference: a stage is left for the next on its strength alone.
create table migration_stages (
  collection text collate "C" primary key,
  stage text not null check (stage in ('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete')),
  epoch bigint not null default 1,
  changed_at timestamptz not null default clock_timestamp(),
  clean_pass bigint,
  wish text check (wish in ('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete')),
  wish_epoch bigint
);

-- Who holds a collection's memory (one, alone), or uses it in rampdown (many). A lease that is not renewed ends by Postgres's clock.
create table migration_leases (
  collection text collate "C" not null references migration_stages,
  instance text collate "C" not null,
  kind text not null check (kind in ('memory', 'shared')),
  epoch bigint not null,
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
  organization_id text collate "C" not null,
  key text collate "C" not null,
  path text not null,
  memory jsonb,
  postgres jsonb,
  found_at timestamptz not null default clock_timestamp(),
  primary key (run, organization_id, key, path)
);

grant select, insert, update, delete on migration_stages, migration_leases, migration_runs, migration_mismatches to agenthub_app, agenthub_jobs;

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

reset role;
