-- 040_stage_changes: every change of a collection's stage is an event of the audit, under who asked for it; which collections leave
-- memory before others; what the holder of a memory has measured.
-- Needs 010_steps, 016_audit_blocks. Safe while functions serve: columns without a default, and a function replaced under its own
-- name and meaning; a step that a process of the version before asks for is under its own name, `migration`, and it writes no measures.

set local role agenthub_owner;

-- Who asked for a step, and in which request: noted before it, for another process may take it.
alter table migration_stages add column asked_stage text, add column asked_at timestamptz, add column asked_by text, add column asked_in jsonb;

-- What the mirror has seen since its stage began, as its holder told last: for processes that cannot ask it.
alter table migration_leases add column measured jsonb;

-- `later` is checked against `earlier` where that is: it leaves memory after it, and comes back before it.
-- A platform table: no organization, no row-level security; agenthub_jobs may look.
create table migration_order (
  earlier text collate "C" not null,
  later text collate "C" not null,
  primary key (earlier, later)
);
insert into migration_order (earlier, later) values ('tables', 'database');
grant select on migration_order to agenthub_jobs;

-- Raises AH419 where a step would leave a collection behind another, or before it.
create function migration_ordered(name text, present text, target text) returns void language plpgsql as $$
declare
other text;
begin
if present = 'off' then
  select earlier into other from migration_order join migration_stages on collection = earlier where later = name and stage = 'off';
  if found then
    raise exception '% leaves memory after %', name, other using errcode = 'AH419';
  end if;
elsif target = 'off' then
  select later into other from migration_order join migration_stages on collection = later where earlier = name and stage <> 'off';
  if found then
    raise exception '% comes back to memory after %', name, other using errcode = 'AH419';
  end if;
end if;
end
$$;

-- As in 010_steps, with the order and the event. What the platform does is under the organization that no organization can be (its
-- credentials' PLATFORM). Raises AH419 also where the order of the collections does not hold.
create or replace function migration_change(name text, process text, expected bigint, target text, wait_seconds numeric) returns void
language plpgsql as $$
declare
row_found migration_stages;
step migration_steps;
over timestamptz;
asked boolean;
asker jsonb;
begin
row_found := migration_hold(name, expected);
select * into step from migration_steps s where s.stage = row_found.stage and s.target = migration_change.target;
if not found then
  raise exception '% does not lead to %', row_found.stage, target using errcode = 'AH411';
end if;
perform migration_ordered(name, row_found.stage, target);
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
  wish = null, wish_epoch = null, asked_stage = null, asked_at = null, asked_by = null, asked_in = null
where collection = name;
if target in ('rampdown', 'complete') then
  delete from migration_leases where collection = name and instance = process;
else
  update migration_leases set epoch = expected + 1 where collection = name and instance = process;
end if;
-- as long as a wish is taken up
asked := row_found.asked_stage = target and row_found.asked_at > clock_timestamp() - interval '1 minute';
asker := coalesce(case when asked then row_found.asked_in else nullif(current_setting('app.context', true), '')::jsonb end, '{}');
insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
values (
  chr(1) || 'platform',
  coalesce(case when asked then row_found.asked_by end, nullif(current_setting('app.actor', true), ''), 'role:' || current_user),
  asker ->> 'on_behalf_of', 'update', 'migration_stage', name, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
  jsonb_build_object('stage', row_found.stage, 'epoch', expected), jsonb_build_object('stage', target, 'epoch', expected + 1));
end
$$;

reset role;
