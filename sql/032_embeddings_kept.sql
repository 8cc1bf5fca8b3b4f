-- 032_embeddings_kept: when a kept vector was last used, so that one of no more use can go; and its audit without JSON of its numbers.
-- Needs 022_embeddings_cache, 031_audit_trigger. Safe while functions serve: a column with a default, and other triggers, in an instant
-- whatever the table holds. What is there counts as used now.

set local role agenthub_owner;

-- By being written or looked up; noted once a day at most. No part of the record: it moves no version and is no event.
alter table embeddings_cache add column used_at timestamptz not null default now();

-- What is told of a kept vector. Hashes stand in for what is redacted, until it is known whether that changed.
create function audited_embedding(e embeddings_cache) returns jsonb language sql immutable parallel safe
return jsonb_build_object('organization_id', e.organization_id, 'id', e.id, 'provider', e.provider, 'model', e.model, 'dimensions', e.dimensions,
  'normaliser', e.normaliser, 'text_hash', e.text_hash, 'embedding', hash_array_extended(e.embedding, 0), 'extra', jsonb_hash_extended(e.extra, 0),
  'created_at', e.created_at, 'deleted_at', e.deleted_at);

-- As audit() does it. To make JSON of the numbers, only to redact them, took that one two milliseconds a vector: longer than to keep it.
create function audit_embeddings() returns trigger language plpgsql set enable_nestloop = off as $$
declare
secrets constant text[] := '{embedding,extra}';
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
asker := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{}');
who := coalesce(nullif(current_setting('app.actor', true), ''), 'role:' || current_user);
if tg_op = 'INSERT' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select n.organization_id, who, asker ->> 'on_behalf_of', 'create', 'embedding', n.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    null, jsonb_redact(audited_embedding(row(n.*)::embeddings_cache), secrets)
  from new_rows n;
elsif tg_op = 'DELETE' then
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select o.organization_id, who, asker ->> 'on_behalf_of', 'remove', 'embedding', o.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    jsonb_redact(audited_embedding(row(o.*)::embeddings_cache), secrets), null
  from old_rows o where o.deleted_at is null;
else
  insert into audit_events (organization_id, actor, on_behalf_of, action, entity_type, entity_id, request_id, address, reason, before, after)
  select n.organization_id, who, asker ->> 'on_behalf_of',
    case when n.deleted_at is null and o.deleted_at is not null then 'create' when n.deleted_at is not null and o.deleted_at is null then 'remove' else 'update' end,
    'embedding', n.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason', jsonb_redact(d.before, secrets), jsonb_redact(d.after, secrets)
  from new_rows n
  join old_rows o on o.organization_id = n.organization_id and o.id = n.id
  cross join lateral (
    select audited_embedding(row(o.*)::embeddings_cache) as before, audited_embedding(row(n.*)::embeddings_cache) as after offset 0
  ) whole
  cross join lateral (
    select jsonb_object_agg(e.key, e.value) as before, jsonb_object_agg(e.key, whole.after -> e.key) as after
    from jsonb_each(whole.before) e where whole.after -> e.key is distinct from e.value
  ) d
  where d.before is not null;
end if;
return null;
end
$$;

drop trigger audit_insert on embeddings_cache;
drop trigger audit_update on embeddings_cache;
drop trigger audit_delete on embeddings_cache;
select make_statement_triggers('embeddings_cache', 'audit', 'audit_embeddings()');

reset role;
