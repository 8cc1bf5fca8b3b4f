-- 015_jobs: the runs of scheduled work, one at a time of each job.
-- Needs 001_foundation. Safe while functions serve: adds a table and functions only.
-- A platform table: no organization, no row-level security; agenthub_jobs alone has a grant.

set local role agenthub_owner;

create table job_runs (
  id text collate "C" primary key,
  name text collate "C" not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  outcome text not null default 'running' check (outcome in ('running', 'succeeded', 'failed')),
  rows bigint not null default 0,
  error text,
  check ((outcome = 'running') = (finished_at is null))
);
create unique index job_runs_running on job_runs (name) where outcome = 'running';
create index job_runs_newest on job_runs (started_at desc, id desc);
grant select, insert, update, delete on job_runs to agenthub_jobs;

create function job_lock(job text) returns bigint language sql immutable parallel safe
return hashtextextended('job ' || job, 0);

-- Takes a job's lock for the present session and records that a run has begun; a run left behind by a session that is gone has
-- failed. While another session has the lock: its run, or nothing while that is on its way to be recorded.
create function start_job(job text, run text) returns setof job_runs language plpgsql as $$
begin
if pg_try_advisory_lock(job_lock(job)) then
  update job_runs set outcome = 'failed', finished_at = clock_timestamp(), error = 'its process or its connection was lost'
  where name = job and outcome = 'running';
  return query insert into job_runs (id, name) values (run, job) returning *;
else
  return query select * from job_runs where name = job and outcome = 'running';
end if;
end
$$;

reset role;
