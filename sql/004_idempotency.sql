-- 004_idempotency: the answers of requests that carried an Idempotency-Key, kept for 24 hours.
-- Needs 003_organizations. Safe while functions serve: adds a table and a function only.
-- The row is written by the transaction of the effect: there is never an answer without its effect, nor an effect without its answer.

set local role agenthub_owner;

create table idempotency_keys (
  organization_id text collate "C" not null,
  id text collate "C" not null, -- '<route> <key>'
  request_hash bytea not null check (octet_length(request_hash) = 32),
  status smallint not null,
  headers jsonb not null,
  body text not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
);
create index idempotency_keys_age on idempotency_keys (organization_id, created_at);
select make_tenant_table('idempotency_keys');

-- Claims a key for the present transaction. Raises AH409 while another transaction holds it, AH422 when it was used for another
-- request, and AH208 when its answer is stored: each ends the batch before the effect. A key older than 24 hours is free again.
create function claim_idempotency_key(organization text, key text, hash bytea) returns void language plpgsql as $$
declare
known bytea;
begin
if not pg_try_advisory_xact_lock(hashtextextended(organization || ' ' || key, 0)) then
  raise exception 'a request with this key is in flight' using errcode = 'AH409';
end if;
select request_hash into known from idempotency_keys
where organization_id = organization and id = key and created_at > now() - interval '24 hours';
if known = hash then
  raise exception 'the answer is stored' using errcode = 'AH208';
elsif known is not null then
  raise exception 'the key was used for another request' using errcode = 'AH422';
end if;
end
$$;

reset role;
