-- 010_steps: the legal steps from stage to stage, held by the database itself; whole comparisons asked of a process that does not hold the memory.
-- Needs 007_migration. Safe while functions serve: a step asked of a process of the version before is not taken (500) until it is replaced.

set local role agenthub_owner;

-- Every legal step; any other is refused. `by_holder`: only the holder of the memory takes it. `asks`: what must hold first.
-- A platform table: no organization, no row-level security; agenthub_jobs may look.
create table migration_steps (
  stage text not null,
  target text not null,
  by_holder boolean not null,
  asks text check (asks in ('clean pass', 'wait')),
  primary key (stage, target)
);
insert into migration_steps (stage, target, by_holder, asks) values
  ('off', 'dualwrite', true, null),
  ('dualwrite', 'off', true, null),
  ('dualwrite', 'shadow', true, null),
  ('shadow', 'dualwrite', true, null),
  ('shadow', 'live', true, 'clean pass'),
  ('live', 'shadow', true, null),
  ('live', 'rampdown', true, 'clean pass'),
  ('rampdown', 'live', false, 'wait'),
  ('rampdown', 'complete', false, null),
  ('complete', 'rampdown', false, null);
grant select on migration_steps to agenthub_jobs;

drop function migration_change(text, text, bigint, text, text, numeric);

-- Takes a step, after migration_hold() and whatever must be written with it. Raises AH411 for a step that does not exist, AH410
-- where the process does not hold the memory under this epoch, AH419 where what the step asks for does not hold: a clean pass of
-- this stage, or the wait after complete (its scopes stay valid for `wait_seconds`; then no transaction begun before may be open).
create function migration_change(name text, process text, expected bigint, target text, wait_seconds numeric) returns void
language plpgsql as $$
declare
row_found migration_stages;
step migration_steps;
over timestamptz;
begin
row_found := migration_hold(name, expected);
select * into step from migration_steps s where s.stage = row_found.stage and s.target = migration_change.target;
if not found then
  raise exception '% does not lead to %', row_found.stage, target using errcode = 'AH411';
end if;
if step.by_holder and not exists (
  select from migration_leases where collection = name and instance = process and kind = 'memory' and epoch = expected
) then
  raise exception 'the lease of % is not held by this process', name using errcode = 'AH410';
end if;
if step.asks = 'clean pass' and (row_found.clean_pass is null or row_found.clean_pass < row_found.stage_epoch) then
  raise exception '% needs a clean pass (POST .../verify) made in %', target, row_found.stage using errcode = 'AH419';
end if;
if step.asks = 'wait' then
  over := row_found.changed_at + make_interval(secs => wait_seconds);
  if clock_timestamp() < over or oldest_transaction() < over then
    raise exception 'processes may still rely on the stage complete' using errcode = 'AH419', hint = ceil(greatest(1, extract(epoch from over - clock_timestamp())))::text;
  end if;
end if;
update migration_stages
set stage = migration_change.target, epoch = expected + 1, stage_epoch = expected + 1, changed_at = clock_timestamp(), clean_pass = null,
  wish = null, wish_epoch = null
where collection = name;
if target in ('rampdown', 'complete') then
  delete from migration_leases where collection = name and instance = process;
else
  update migration_leases set epoch = expected + 1 where collection = name and instance = process;
end if;
end
$$;

-- When a whole comparison was asked for elsewhere: its holder makes it.
alter table migration_stages add column verify_wished_at timestamptz;

-- Whether that is still to be done: no run has begun since. A wish that nobody took up for a minute is forgotten.
create function verify_wished(name text) returns boolean language sql stable
return exists (
  select from migration_stages s
  where s.collection = name and verify_wished_at > clock_timestamp() - interval '1 minute'
    and not exists (select from migration_runs r where r.collection = name and kind = 'verify' and started_at >= verify_wished_at)
);

reset role;
