-- 014_reports: reports by the day, materialized for this month and the last, so that a refresh costs the same whatever the history.
-- Needs 013_analytics and 006_conversations. Safe while functions serve: adds views, a table and functions only.
-- Older days are read where they are kept. The app reads through own_*, which show the scope's organization alone: it has no grant on
-- what they are made of. A new report is a materialized view report_<name> with a unique index, its own_<name>, and a row here.

set local role agenthub_owner;

-- From when on a report is materialized, and when that was. A platform table. Until its first refresh all is read where it is kept.
create table report_refreshes (
  name text collate "C" primary key,
  since date not null default 'infinity',
  refreshed_at timestamptz
);
insert into report_refreshes (name) values ('daily_events'), ('agent_activity'), ('conversation_volume');
grant select on report_refreshes to agenthub_app, agenthub_jobs;

create policy owner on conversations for select to agenthub_owner using (true);

create function report_since(report text) returns date language sql stable return (select since from report_refreshes where name = report);

-- An organization at a time: the indexes lead with it, and without its word a refresh would read the whole history.
create materialized view report_daily_events as
select t.organization_id, t.day, t.value as event_type, t.count as events
from organizations o
join event_totals t on t.organization_id = o.id and t.dimension = 'event_type' and t.day >= (select report_since('daily_events'));
create unique index report_daily_events_key on report_daily_events (organization_id, day, event_type);

-- Events of no agent count under ''.
create materialized view report_agent_activity as
select t.organization_id, t.day, coalesce(t.value, '') as agent_id, t.count as events
from organizations o
join event_totals t on t.organization_id = o.id and t.dimension = 'agent_id' and t.day >= (select report_since('agent_activity'));
create unique index report_agent_activity_key on report_agent_activity (organization_id, day, agent_id);

-- Conversations by the day they began, with the messages in them by now.
create materialized view report_conversation_volume as
select o.id as organization_id, c.day, c.agent_id, c.conversations, c.messages
from organizations o, lateral (
  select (created_at at time zone 'UTC')::date as day, coalesce(agent_id, '') as agent_id, count(*) as conversations, sum(message_count)::bigint as messages
  from conversations
  where organization_id = o.id and deleted_at is null and created_at >= (select report_since('conversation_volume')::timestamp at time zone 'UTC')
  group by 1, 2
) c;
create unique index report_conversation_volume_key on report_conversation_volume (organization_id, day, agent_id);

create view own_daily_events with (security_barrier) as
select day, event_type, events from report_daily_events where organization_id = scope_organization();
create view own_agent_activity with (security_barrier) as
select day, agent_id, events from report_agent_activity where organization_id = scope_organization();
create view own_conversation_volume with (security_barrier) as
select day, agent_id, conversations, messages from report_conversation_volume where organization_id = scope_organization();
grant select on own_daily_events, own_agent_activity, own_conversation_volume to agenthub_app;

-- Refreshes one report beside its readers. Its boundary moves in the same transaction: no day is missing or there twice.
create function refresh_report(report text) returns void language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
update report_refreshes
set since = (date_trunc('month', now() at time zone 'UTC') - interval '1 month')::date, refreshed_at = now()
where name = report;
execute format('refresh materialized view concurrently %I', 'report_' || report);
end
$$;
revoke execute on function refresh_report from public;
grant execute on function refresh_report to agenthub_jobs;

reset role;
