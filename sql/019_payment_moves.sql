-- 019_payment_moves: what moves the money of an intent: confirm, capture, cancel, refund, and what a provider tells.
-- Needs 018_ledger. Safe while functions serve: adds functions only.
--
-- Every movement locks its intent, is refused with the reason or settled by payment_settle, and is written down by it as transactions.

set local role agenthub_owner;

-- Why an operation is refused in the intent's present state, or null. `asked` is null for all that is left.
create function payment_refusal(known payment_intents, kind text, asked bigint) returns text language sql immutable
return case kind
  when 'confirm' then case
    when known.status not in ('requires_payment_method', 'requires_confirmation', 'requires_action')
      then 'the payment intent is ' || known.status || ': it cannot be confirmed' end
  when 'capture' then case
    when known.status <> 'requires_capture' then 'the payment intent is ' || known.status || ': it cannot be captured'
    when asked > known.amount_capturable then 'only ' || known.amount_capturable || ' can still be captured, not ' || asked end
  when 'cancel' then case
    when known.status in ('processing', 'succeeded', 'canceled') then 'the payment intent is ' || known.status || ': it cannot be canceled' end
  when 'refund' then case
    when coalesce(asked, 1) > known.amount_received - known.amount_refunded
      then 'only ' || known.amount_received - known.amount_refunded || ' can still be refunded' || coalesce(', not ' || asked, '') end
end;

-- Brings an intent, which the caller has locked, to where it is by now, and writes down the difference as transactions:
-- the first is named `transaction`, another `<transaction>:2`. Every movement of money passes here.
create function payment_settle(
  known payment_intents, to_status text, authorized bigint, received bigint, refunded bigint, reference text,
  transaction text, note jsonb, at timestamptz
) returns payment_intents language plpgsql as $$
declare
settled payment_intents;
begin
update payment_intents p
set status = to_status, amount_authorized = authorized, amount_received = received, amount_refunded = refunded,
  provider_reference = coalesce(reference, p.provider_reference),
  cancellation_reason = case when to_status = 'canceled' and known.status <> 'canceled' then note ->> 'reason' else p.cancellation_reason end,
  version = nextval('row_version'), updated_at = at
where p.organization_id = known.organization_id and p.id = known.id
returning * into settled;
if received > known.amount_received or refunded > known.amount_refunded or to_status = 'canceled' and known.amount_capturable > 0 then
  insert into payment_transactions
    (organization_id, id, intent_id, type, amount, currency, status, metadata, version, created_at, updated_at)
  select known.organization_id, transaction || case when row_number() over (order by place) > 1 then ':' || row_number() over (order by place) else '' end,
    known.id, type, moved, known.currency, 'completed', note, nextval('row_version'), at, at
  from (values
    (1, case known.capture_method when 'automatic' then 'charge' else 'capture' end, received - known.amount_received),
    (2, 'refund', known.amount_refunded - refunded),
    (3, 'void', case when to_status = 'canceled' and known.status <> 'canceled' then authorized - received else 0 end)
  ) moves (place, type, moved)
  where moved <> 0;
end if;
return settled;
end
$$;

-- The same for what a provider says, which may come late, twice or in any order: its sums only rise here, a status that cannot follow
-- changes nothing. `captured` of all there is is `succeeded`, whatever was told before it.
create function payment_observe(
  known payment_intents, told_status text, told_authorized bigint, told_received bigint, told_refunded bigint, reference text,
  transaction text, note jsonb, at timestamptz
) returns payment_intents language plpgsql as $$
declare
refunded bigint := greatest(known.amount_refunded, told_refunded);
received bigint := case when known.status in ('succeeded', 'canceled') then known.amount_received else greatest(known.amount_received, told_received, refunded) end;
authorized bigint := case when known.status in ('succeeded', 'canceled') then known.amount_authorized else greatest(known.amount_authorized, told_authorized, received) end;
to_status text := case
  when received > known.amount_received and received = known.amount then 'succeeded'
  when told_status is not null and payment_may_become(known.status, told_status) then told_status
  when authorized > 0 and known.amount_authorized = 0 then 'requires_capture'
  else known.status
end;
begin
if authorized > 0 and to_status not in ('requires_capture', 'succeeded', 'canceled') then
  to_status := 'requires_capture';
end if;
if (to_status, authorized, received, refunded, coalesce(reference, known.provider_reference))
  is not distinct from (known.status, known.amount_authorized, known.amount_received, known.amount_refunded, known.provider_reference) then
  return known;
end if;
return payment_settle(known, to_status, authorized, received, refunded, reference, transaction, note, at);
end
$$;

-- The operation that a request with this key has begun within the life of its key, if any. Raises AH422 for another request's key.
create function payment_operation_of(organization text, key text, hash bytea) returns payment_operations language plpgsql as $$
declare
begun payment_operations;
begin
select * into begun from payment_operations
where organization_id = organization and request_key = key and created_at > now() - interval '24 hours'
order by created_at desc limit 1;
if begun.request_hash <> hash then
  raise exception 'the key was used for another request' using errcode = 'AH422';
end if;
return begun;
end
$$;

-- Goes on with an operation that a request has begun: takes it over once its lease is over (AH419 with patience before), raises what
-- the provider refused, and answers null where it is done already.
create function payment_resume(begun payment_operations, lease_seconds numeric) returns payment_operations language plpgsql as $$
declare
taken payment_operations;
begin
update payment_operations
set fence = fence + 1, leased_until = clock_timestamp() + make_interval(secs => lease_seconds), version = nextval('row_version')
where organization_id = begun.organization_id and id = begun.id and state = 'begun' and leased_until < clock_timestamp()
returning * into taken;
if taken.id is null then
  select * into begun from payment_operations where organization_id = begun.organization_id and id = begun.id;
  if begun.state = 'begun' then
    raise exception 'this request is in flight' using errcode = 'AH419', hint = '1';
  elsif begun.state = 'failed' then
    raise exception '%', begun.error using errcode = 'AH419';
  end if;
end if;
return taken;
end
$$;

-- Confirms, captures, cancels or refunds. With the provider `manual`, whose outcomes the caller reports, that is done at once; with any
-- other an operation is begun, for the caller to carry out. Raises AH419 with the reason where the state refuses. No row: no intent.
create function payment_move(
  organization text, intent_id text, kind text, asked bigint, outcome text, reason text, operation_id text, transaction text,
  at timestamptz, key text, hash bytea, lease_seconds numeric
) returns table (intent payment_intents, operation payment_operations) language plpgsql as $$
declare
known payment_intents;
begun payment_operations;
refusal text;
due bigint;
note jsonb := case when reason is null then '{}' else jsonb_build_object('reason', reason) end;
begin
select * into known from payment_intents p
where p.organization_id = organization and p.id = payment_move.intent_id and p.deleted_at is null
for no key update;
if not found then
  return;
end if;
if known.provider <> 'manual' then
  begun := payment_operation_of(organization, key, hash);
  if begun.id is not null then
    operation := payment_resume(begun, lease_seconds);
    intent := known;
    return next;
    return;
  end if;
  if outcome is not null then
    raise exception 'outcome: % tells the outcome itself', known.provider using errcode = 'AH400';
  end if;
  if exists (select from payment_operations o where o.organization_id = organization and o.intent_id = known.id and o.state = 'begun') then
    raise exception 'another operation of this payment intent is in flight' using errcode = 'AH419', hint = '1';
  end if;
end if;
refusal := payment_refusal(known, kind, asked);
if refusal is not null then
  raise exception '%', refusal using errcode = 'AH419';
end if;
due := coalesce(asked, case kind when 'capture' then known.amount_capturable when 'refund' then known.amount_received - known.amount_refunded end);
if known.provider = 'manual' then
  intent := case kind
    when 'confirm' then payment_settle(known,
      case coalesce(outcome, 'succeeded')
        when 'failed' then 'requires_payment_method'
        when 'requires_action' then 'requires_action'
        else case known.capture_method when 'automatic' then 'succeeded' else 'requires_capture' end end,
      case when coalesce(outcome, 'succeeded') = 'succeeded' then known.amount else 0 end,
      case when coalesce(outcome, 'succeeded') = 'succeeded' and known.capture_method = 'automatic' then known.amount else 0 end,
      0, null, transaction, note, at)
    when 'capture' then payment_settle(known,
      case when known.amount_received + due = known.amount_authorized then 'succeeded' else 'requires_capture' end,
      known.amount_authorized, known.amount_received + due, known.amount_refunded, null, transaction, note, at)
    when 'cancel' then payment_settle(known, 'canceled', known.amount_authorized, known.amount_received, known.amount_refunded,
      null, transaction, note, at)
    when 'refund' then payment_settle(known, known.status, known.amount_authorized, known.amount_received, known.amount_refunded + due,
      null, transaction, note, at)
  end;
else
  insert into payment_operations
    (organization_id, id, intent_id, kind, amount, reason, leased_until, request_key, request_hash, version, created_at, updated_at)
  values (organization, operation_id, known.id, kind, due, reason, clock_timestamp() + make_interval(secs => lease_seconds), key, hash,
    nextval('row_version'), at, at)
  returning * into operation;
  intent := case when kind = 'confirm'
    then payment_settle(known, 'processing', 0, 0, 0, null, transaction, note, at) else known end;
end if;
return next;
end
$$;

-- Makes an intent, and confirms it in the same step when `confirmed`. No row: the id is taken.
create function payment_create(
  organization text, intent_id text, total bigint, code text, method text, by_provider text, about jsonb, at timestamptz, confirmed boolean,
  operation_id text, transaction text, key text, hash bytea, lease_seconds numeric
) returns table (intent payment_intents, operation payment_operations) language plpgsql as $$
declare
begun payment_operations;
begin
if confirmed and by_provider <> 'manual' then
  begun := payment_operation_of(organization, key, hash);
  if begun.id is not null then
    return query select * from payment_move(organization, begun.intent_id, 'confirm', null, null, null, operation_id, transaction, at, key, hash, lease_seconds);
    return;
  end if;
end if;
insert into payment_intents
  (organization_id, id, amount, currency, status, capture_method, provider, metadata, version, created_at, updated_at)
values (organization, intent_id, total, code, 'requires_confirmation', method, by_provider, about, nextval('row_version'), at, at)
on conflict do nothing
returning * into intent;
if intent.id is null then
  return;
end if;
if confirmed then
  return query select * from payment_move(organization, intent_id, 'confirm', null, null, null, operation_id, transaction, at, key, hash, lease_seconds);
else
  return next;
end if;
end
$$;

-- Ends an operation with what the provider said. Raises AH419 with patience when somebody took it over: an older fence cannot write.
create function payment_complete(
  organization text, operation_id text, held int, told_status text, told_authorized bigint, told_received bigint, told_refunded bigint,
  reference text, refused text, transaction text, at timestamptz
) returns setof payment_intents language plpgsql as $$
declare
known payment_intents;
begun payment_operations;
begin
select p.* into known from payment_operations o
join payment_intents p on p.organization_id = o.organization_id and p.id = o.intent_id
where o.organization_id = organization and o.id = operation_id
for no key update of p;
update payment_operations
set state = case when refused is null then 'done' else 'failed' end, error = refused, version = nextval('row_version'), updated_at = at
where organization_id = organization and id = operation_id and fence = held and state = 'begun'
returning * into begun;
if begun.id is null then
  raise exception 'this request was taken over' using errcode = 'AH419', hint = '1';
end if;
return next payment_observe(known, told_status, told_authorized, told_received, told_refunded, reference, transaction,
  case when begun.reason is null then '{}' else jsonb_build_object('reason', begun.reason) end, at);
end
$$;

-- Takes in what a webhook tells, once. Answers `applied`; `duplicate` for an event that came before; `replayed` for the very same
-- delivery; `unknown` where there is no such intent of this provider.
create function payment_hear(
  organization text, event_id text, signed_at timestamptz, of_intent text, of_provider text,
  told_status text, told_authorized bigint, told_received bigint, told_refunded bigint, reference text, transaction text, at timestamptz
) returns text language plpgsql as $$
declare
known payment_intents;
heard timestamptz;
begin
select * into known from payment_intents
where organization_id = organization and id = of_intent and provider = of_provider and deleted_at is null
  and coalesce(provider_reference, reference) = reference
for no key update;
if not found then
  return 'unknown';
end if;
select e.signed_at into heard from payment_events e where e.organization_id = organization and e.id = event_id;
if found then
  return case when heard >= payment_hear.signed_at then 'replayed' else 'duplicate' end;
end if;
insert into payment_events (organization_id, id, intent_id, signed_at, version, created_at, updated_at)
values (organization, event_id, of_intent, payment_hear.signed_at, nextval('row_version'), at, at);
perform payment_observe(known, told_status, told_authorized, told_received, told_refunded, reference, transaction, '{}', at);
return 'applied';
end
$$;

-- For work that no memory hears of: refuses it (AH410) while one of these collections is on its way, and keeps a step waiting until
-- its transaction ends.
create function hold_complete(names text[]) returns void language plpgsql as $$
begin
perform pg_advisory_xact_lock_shared(migration_lock(name)) from unnest(names) name;
if exists (select from migration_stages where collection = any (names) and stage <> 'complete') then
  raise exception 'one of % is on its way', names using errcode = 'AH410';
end if;
end
$$;

reset role;
