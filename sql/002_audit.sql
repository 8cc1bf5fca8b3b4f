-- 002_audit: who changed what, on whose behalf and why, written by trigger in the transaction of the change.
-- Needs 001_foundation. Safe while functions serve: adds tables and functions only.
-- The app role may insert and select here, nothing else; partitions carry no grant of their own.

set local role agenthub_owner;

create sequence audit_event_number as bigint;
grant usage on sequence audit_event_number to agenthub_app, agenthub_jobs;

create table audit_events (
  organization_id text collate "C" not null,
  id text collate "C" not null default 'aud_' || lpad(to_hex(nextval('audit_event_number')), 16, '0'),
  actor text not null,
  on_behalf_of text,
  action text not null check (action in ('create', 'update', 'remove')),
  entity_type text not null,
  entity_id text collate "C" not null,
  request_id text,
  address text,
  reason text,
  before jsonb,
  after jsonb,
  version bigint not null default nextval('row_version'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id, created_at)
) partition by range (created_at);

create index audit_events_entity on audit_events (organization_id, entity_type, entity_id, id desc);
create index audit_events_newest on audit_events (organization_id, id desc);

create table audit_events_default partition of audit_events default;

-- Makes the partitions of `months` months, the month of `first` being the earliest; those that exist stay.
-- A definer's function, because the functions that call it at run time have no right to make tables.
create function make_month_partitions(parent regclass, first timestamptz, months int) returns int
language plpgsql security definer set search_path = public, pg_temp as $$
declare
made int := 0;
month timestamp := date_trunc('month', first at time zone 'UTC');
partition text;
begin
for n in 1..months loop
  partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
  if to_regclass(partition) is null then
    execute format('create table %I partition of %s for values from (%L) to (%L)',
      partition, parent, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
    made := made + 1;
  end if;
  month := month + interval '1 month';
end loop;
return made;
end
$$;
revoke execute on function make_month_partitions from public;
grant execute on function make_month_partitions to agenthub_jobs;

select make_month_partitions('audit_events', now(), 13);
select make_tenant_table('audit_events');
revoke update, delete on audit_events from agenthub_app, agenthub_jobs;

-- The entries of `a` that `b` lacks or holds otherwise.
create function jsonb_changed(a jsonb, b jsonb) returns jsonb language sql immutable parallel safe
return (select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(a) e where b -> e.key is distinct from e.value);

-- Secrets leave a mark in the audit, never their value, not even their hash.
create function jsonb_redact(row_data jsonb, keys text[]) returns jsonb language sql immutable parallel safe
return row_data || coalesce((select jsonb_object_agg(k, '[redacted]'::text) from unnest(keys) k where row_data -> k <> 'null'), '{}');

-- The trigger: one event a changed row. Arguments: the entity's name, the columns to redact, the columns whose change alone
-- is no event (a key's last use), both as array literals. A soft removal reads 'remove', a revival 'create'.
create function audit() returns trigger language plpgsql as $$
declare
secrets text[] := tg_argv[1];
silent text[] := array['version', 'updated_at'] || tg_argv[2]::text[];
asker jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{}');
who text := coalesce(nullif(current_setting('app.actor', true), ''), 'role:' || current_user);
begin
if tg_op = 'INSERT' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select n.organization_id, who, asker ->> 'on_behalf_of', 'create', tg_argv[0], n.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    null, jsonb_redact(to_jsonb(n) - silent, secrets)
  from new_rows n;
elsif tg_op = 'DELETE' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select o.organization_id, who, asker ->> 'on_behalf_of', 'remove', tg_argv[0], o.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    jsonb_redact(to_jsonb(o) - silent, secrets), null
  from old_rows o;
else
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select c.organization_id, who, asker ->> 'on_behalf_of',
    case when c.is_gone > c.was_gone then 'remove' when c.is_gone < c.was_gone then 'create' else 'update' end,
    tg_argv[0], c.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    jsonb_redact(jsonb_changed(c.o, c.n), secrets), jsonb_redact(jsonb_changed(c.n, c.o), secrets)
  from (
    select n.organization_id, n.id, to_jsonb(o) - silent as o, to_jsonb(n) - silent as n,
      (coalesce(to_jsonb(o) -> 'deleted_at', 'null') <> 'null')::int as was_gone,
      (coalesce(to_jsonb(n) -> 'deleted_at', 'null') <> 'null')::int as is_gone
    from new_rows n join old_rows o on o.organization_id = n.organization_id and o.id = n.id
  ) c
  where c.o <> c.n;
end if;
return null;
end
$$;

-- Puts the trigger on a table. `secrets` are redacted; a change of nothing but `silent` columns is no event.
create function make_audited(target regclass, entity text, secrets text[] default '{}', silent text[] default '{}') returns void
language plpgsql as $$
begin
execute format('create trigger audit_insert after insert on %s referencing new table as new_rows
  for each statement execute function audit(%L, %L, %L)', target, entity, secrets, silent);
execute format('create trigger audit_update after update on %s referencing old table as old_rows new table as new_rows
  for each statement execute function audit(%L, %L, %L)', target, entity, secrets, silent);
execute format('create trigger audit_delete after delete on %s referencing old table as old_rows
  for each statement execute function audit(%L, %L, %L)', target, entity, secrets, silent);
end
$$;

reset role;
