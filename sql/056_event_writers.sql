-- 056_event_writers: before the keys of a closed month go, whoever began to write its events has ended.
-- Needs 013_analytics. Safe while functions serve: adds a function only.
--
-- A batch that had looked before the month was closed could come to the keys after they were gone: what it sent again was taken for
-- new, met its own event, and the whole batch was refused.

set local role agenthub_owner;

-- Waits for the transactions that write events: those that begin later see which months are closed. Raises 55P03 after two seconds.
create function await_event_writers() returns void language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
lock table only analytics_events in share mode;
end
$$;
revoke execute on function await_event_writers from public;
grant execute on function await_event_writers to agenthub_jobs;

reset role;
