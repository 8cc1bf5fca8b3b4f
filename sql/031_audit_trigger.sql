-- 031_audit_trigger: the trigger once more, at half its cost. `insert ... on conflict do update` fires the triggers of both, one of them
-- without a row: that one ends at once.
-- Needs 016_audit_blocks. Safe while functions serve: the function is replaced under its own name and meaning.

set local role agenthub_owner;

-- The trigger as in 016_audit_blocks. Setting up an insert that inserts nothing cost as much as one that inserts; and without `offset 0`
-- a row's JSON would be made anew for each of its columns. A plan that was made for one row and kept must not join thousands by a loop.
create or replace function audit() returns trigger language plpgsql set enable_nestloop = off as $$
declare
secrets text[];
hides boolean;
silent text[];
asker jsonb;
who text;
begin
if tg_op = 'DELETE' then
  if not exists (select from old_rows) then
    return null;
  end if;
elsif not exists (select from new_rows) then
  return null;
end if;
secrets := tg_argv[1];
hides := secrets <> '{}';
silent := array['version', 'updated_at'] || tg_argv[2]::text[];
asker := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{}');
who := coalesce(nullif(current_setting('app.actor', true), ''), 'role:' || current_user);
if tg_op = 'INSERT' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select n.organization_id, who, asker ->> 'on_behalf_of', 'create', tg_argv[0], n.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    null, case when hides then jsonb_redact(to_jsonb(n) - silent, secrets) else to_jsonb(n) - silent end
  from new_rows n;
elsif tg_op = 'DELETE' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select o.organization_id, who, asker ->> 'on_behalf_of', 'remove', tg_argv[0], o.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    case when hides then jsonb_redact(to_jsonb(o) - silent, secrets) else to_jsonb(o) - silent end, null
  from old_rows o
  where coalesce(to_jsonb(o) -> 'deleted_at', 'null') = 'null';
else
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select n.organization_id, who, asker ->> 'on_behalf_of',
    case when c.is_gone > c.was_gone then 'remove' when c.is_gone < c.was_gone then 'create' else 'update' end,
    tg_argv[0], n.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    case when hides then jsonb_redact(d.before, secrets) else d.before end, case when hides then jsonb_redact(d.after, secrets) else d.after end
  from new_rows n
  join old_rows o on o.organization_id = n.organization_id and o.id = n.id
  cross join lateral (select to_jsonb(o) - silent as before, to_jsonb(n) - silent as after offset 0) whole
  cross join lateral (
    select (coalesce(whole.before -> 'deleted_at', 'null') <> 'null')::int as was_gone,
      (coalesce(whole.after -> 'deleted_at', 'null') <> 'null')::int as is_gone
  ) c
  cross join lateral (
    select jsonb_object_agg(e.key, e.value) as before, jsonb_object_agg(e.key, whole.after -> e.key) as after
    from jsonb_each(whole.before) e where whole.after -> e.key is distinct from e.value
  ) d
  where d.before is not null;
end if;
return null;
end
$$;

reset role;
