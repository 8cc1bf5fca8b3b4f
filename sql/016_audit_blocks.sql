-- 016_audit_blocks: the audit sealed in blocks, each hashed over the one before it, so that no event changes, comes or goes unseen.
-- Needs 002_audit. Safe while functions serve: adds a table and functions, replaces the trigger's function, and drops an index whose
-- work the primary key does.
-- The app role may select here, nothing else; the jobs add blocks and note where their heads are kept.

set local role agenthub_owner;

-- A block holds an organization's events with ids in (last_id of the block before, last_id]. `ids` and `digests` tell which of them
-- is not what it was; `hash` binds them to all blocks before; `total` counts the events sealed so far.
create table audit_blocks (
  organization_id text collate "C" not null,
  id text collate "C" not null check (id ~ '^[0-9]{12}$'), -- 1, 2, 3 and so on
  first_id text collate "C" not null,
  last_id text collate "C" not null,
  total bigint not null,
  ids text[] collate "C" not null,
  digests bytea[] not null,
  previous bytea not null check (octet_length(previous) = 32),
  hash bytea not null check (octet_length(hash) = 32),
  anchored_at timestamptz, -- when its hash was written down outside
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
);
create index audit_blocks_unanchored on audit_blocks (organization_id, id) where anchored_at is null;
select make_tenant_table('audit_blocks');
revoke insert, update, delete on audit_blocks from agenthub_app;
revoke update, delete on audit_blocks from agenthub_jobs;
grant update (anchored_at, version, updated_at) on audit_blocks to agenthub_jobs;
grant select on audit_event_number to agenthub_jobs;

-- An event without its id: SHA-256 of the JSON of its other columns, in this order. Secrets were redacted as it was written.
create function audit_digest(e audit_events) returns bytea language sql stable parallel safe
return sha256(convert_to(json_build_array(
  e.organization_id, e.actor, e.on_behalf_of, e.action, e.entity_type, e.entity_id, e.request_id, e.address, e.reason, e.before, e.after,
  e.version, extract(epoch from e.created_at), extract(epoch from e.updated_at))::text, 'UTF8'));

-- The hash of a block: SHA-256 of the hash before it, and each event's id and digest. The first follows its organization's id.
create function audit_chain(previous bytea, ids text[], digests bytea[]) returns bytea language sql immutable parallel safe
return sha256(previous || (select string_agg(convert_to(t.id, 'UTF8') || t.digest, ''::bytea order by n) from unnest(ids, digests) with ordinality t (id, digest, n)));
create function audit_genesis(organization text) returns bytea language sql immutable parallel safe
return sha256(convert_to('audit of ' || organization, 'UTF8'));
create function audit_block_id(number bigint) returns text language sql immutable parallel safe
return lpad(number::text, 12, '0');

-- Seals events up to the id `upto` of the organizations after `beyond`, up to 1,000 in a block: about `most` of them, or what
-- 1,000 organizations have. `reached` is the last organization that is done, null when all are.
-- Whoever calls it makes sure that no transaction is open that may yet write an event up to `upto`.
create function seal_audit(beyond text, upto text, most int, out sealed bigint, out reached text) language plpgsql as $$
declare
organization text;
last_block audit_blocks;
found_rows int;
begin
sealed := 0;
reached := beyond;
for n in 1..1000 loop
  select e.organization_id into organization from audit_events e where e.organization_id > reached order by e.organization_id limit 1;
  if not found then
    reached := null;
    return;
  end if;
  loop
    select * into last_block from audit_blocks b where b.organization_id = organization order by b.id desc limit 1;
    insert into audit_blocks (organization_id, id, first_id, last_id, total, ids, digests, previous, hash, version, created_at, updated_at)
    select organization, audit_block_id(coalesce(last_block.id, '0')::bigint + 1), ids[1], ids[cardinality(ids)],
      coalesce(last_block.total, 0) + cardinality(ids), ids, digests, previous, audit_chain(previous, ids, digests), nextval('row_version'), now(), now()
    from (
      select array_agg(r.id order by r.id) as ids, array_agg(r.digest order by r.id) as digests, coalesce(last_block.hash, audit_genesis(organization)) as previous
      from (
        select e.id, audit_digest(e) as digest from audit_events e
        where e.organization_id = organization and e.id > coalesce(last_block.last_id, '') and e.id <= upto
        order by e.id
        limit 1000
      ) r
    ) b
    where ids is not null
    returning cardinality(ids) into found_rows;
    sealed := sealed + coalesce(found_rows, 0);
    exit when coalesce(found_rows, 0) < 1000;
    if sealed >= most then
      return;
    end if;
  end loop;
  reached := organization;
  if sealed >= most then
    return;
  end if;
end loop;
end
$$;

-- The trigger once more (see 002_audit), at two thirds of its cost: nothing is redacted where there is nothing to redact, and what an
-- update changed is told in the same statement. And a tombstone's end is no event: its removal was.
create or replace function audit() returns trigger language plpgsql as $$
declare
secrets text[] := tg_argv[1];
hides boolean := secrets <> '{}';
silent text[] := array['version', 'updated_at'] || tg_argv[2]::text[];
asker jsonb := coalesce(nullif(current_setting('app.context', true), '')::jsonb, '{}');
who text := coalesce(nullif(current_setting('app.actor', true), ''), 'role:' || current_user);
begin
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
  select c.organization_id, who, asker ->> 'on_behalf_of',
    case when c.is_gone > c.was_gone then 'remove' when c.is_gone < c.was_gone then 'create' else 'update' end,
    tg_argv[0], c.id, asker ->> 'request_id', asker ->> 'address', asker ->> 'reason',
    case when hides then jsonb_redact(d.before, secrets) else d.before end, case when hides then jsonb_redact(d.after, secrets) else d.after end
  from (
    select n.organization_id, n.id, to_jsonb(o) - silent as o, to_jsonb(n) - silent as n,
      (coalesce(to_jsonb(o) -> 'deleted_at', 'null') <> 'null')::int as was_gone,
      (coalesce(to_jsonb(n) -> 'deleted_at', 'null') <> 'null')::int as is_gone
    from new_rows n join old_rows o on o.organization_id = n.organization_id and o.id = n.id
  ) c, lateral (
    select jsonb_object_agg(e.key, e.value) as before, jsonb_object_agg(e.key, c.n -> e.key) as after
    from jsonb_each(c.o) e where c.n -> e.key is distinct from e.value
  ) d
  where c.o <> c.n;
end if;
return null;
end
$$;
drop function jsonb_changed(jsonb, jsonb);

-- (organization_id, id) leads the primary key as well: one index less for every event to enter.
drop index audit_events_newest;

reset role;
