-- 039_audit_partitions: the audit's months are made beside those who write, and what lies in the default partition is told by its rows.
-- Needs 002_audit. Safe while functions serve: a function is replaced under its own name and meaning, another is added.

set local role agenthub_owner;

-- As in 002_audit, but attached, as make_event_month() does it: made as a partition a month waited for every open writer, and every
-- other one behind it. Raises 55P03 where the locks cannot be had in time: months are made a year ahead, the job comes again.
create or replace function make_month_partitions(parent regclass, first timestamptz, months int) returns int
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '1s' as $$
declare
made int := 0;
month timestamp := date_trunc('month', first at time zone 'UTC');
partition text;
begin
perform pg_advisory_xact_lock(hashtextextended(parent || ' partitions', 0));
for n in 1..months loop
  partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
  perform from pg_class where relname = partition and relnamespace = 'public'::regnamespace; -- to_regclass may not have heard of it yet
  if not found then
    execute format('create table %I (like %s including all)', partition, parent);
    execute format('alter table %s attach partition %I for values from (%L) to (%L)',
      parent, partition, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
    made := made + 1;
  end if;
  month := month + interval '1 month';
end loop;
return made;
end
$$;

-- Whether events lie in the default partition, which nobody but its owner may look into. Its size would tell of those that were moved, too.
create function audit_events_astray() returns boolean language sql stable security definer set search_path = public, pg_temp
return exists (select from audit_events_default);
revoke execute on function audit_events_astray from public;
grant execute on function audit_events_astray to agenthub_jobs;

reset role;
