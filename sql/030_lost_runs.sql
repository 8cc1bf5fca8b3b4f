-- 030_lost_runs: which runs of jobs nobody is at any more, though nobody has said so: their process or its connection was lost.
-- Needs 015_jobs. Safe while functions serve: adds a function only.

set local role agenthub_owner;

-- A run holds its job's lock from before it is recorded until after its end is. So one that is still running once the locks were looked
-- at, and began before that, had its lock then, or is lost. Volatile: what is running is read anew after the look at the locks.
create function lost_runs() returns setof text language plpgsql volatile as $$
declare
looked timestamptz := clock_timestamp();
held bigint[] := array(
  select classid::bigint << 32 | objid::bigint from pg_locks
  where locktype = 'advisory' and objsubid = 1 and granted and database = (select oid from pg_database where datname = current_database())
);
begin
return query select id from job_runs where outcome = 'running' and started_at < looked and job_lock(name) <> all (held);
end
$$;
revoke execute on function lost_runs from public;
grant execute on function lost_runs to agenthub_jobs;

reset role;
