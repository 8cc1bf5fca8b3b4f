-- 041_quiet_refusals: what a refusal says of a request goes to whoever asked, and not into the server's log.
-- Needs 019_payment_moves and 034_record_checks. Safe while functions serve: functions are replaced under their own names; until the
-- functions that read the hint serve, a refusal's words are the general ones.
--
-- An error's message stands in the server's log, whatever its flags: it is one of a few words here. Ids, names of fields, amounts and
-- what a payment provider said are told in the hint (AH400, AH404, AH411, AH412) or the detail (AH419, whose hint is the seconds to wait),
-- which `log_error_verbosity = terse` leaves out.

set local role agenthub_owner;

create or replace function refuse(code text, message text, at_path text) returns text language plpgsql as $$
begin
raise exception using errcode = code, hint = refuse.message,
  message = case code
    when 'AH404' then 'what the request names is not there'
    when 'AH411' then 'what the request makes is there already'
    when 'AH412' then 'it is at another version, or gone, by now'
    else 'the request does not fit' end,
  detail = case when at_path <> '' then jsonb_build_array(jsonb_build_object('path', at_path, 'message', refuse.message))::text else '' end;
end
$$;

create or replace function fitting(owner data_tables, given jsonb, at_path text, also text[], operation text default '') returns jsonb
language plpgsql as $$
declare
problems jsonb;
begin
if owner.columns = '{}' and not (owner).strict then
  return given;
end if;
problems := data_problems(owner.organization_id, owner.columns, (owner).strict, given, also);
if problems is null then
  return given;
end if;
select jsonb_agg(case operation
  when '' then p || jsonb_build_object('path', at_path || '/' || (p ->> 'path'))
  else jsonb_build_object('path', operation, 'message', format('%s/%s: %s', at_path, p ->> 'path', p ->> 'message')) end)
into problems from jsonb_array_elements(problems) p;
raise exception using errcode = 'AH400', message = 'the data does not fit its table', detail = problems::text,
  hint = format('%s: %s', problems -> 0 ->> 'path', problems -> 0 ->> 'message');
end
$$;

create or replace function records_go_along(organization text, name text) returns boolean language plpgsql as $$
declare
present text;
begin
perform pg_advisory_xact_lock_shared(migration_lock('database'));
select stage into present from migration_stages where collection = 'database';
if present in ('dualwrite', 'shadow', 'live')
  and exists (select from data_records where organization_id = organization and table_id = name and deleted_at is null) then
  raise exception 'records of the table were written meanwhile' using errcode = '55P03';
end if;
return coalesce(present in ('rampdown', 'complete'), true);
end
$$;

-- Raises AH419 itself where the state refuses; answers null otherwise.
create or replace function payment_refusal(known payment_intents, kind text, asked bigint) returns text language plpgsql stable as $$
declare
due bigint := case kind when 'capture' then known.amount_capturable when 'refund' then known.amount_received - known.amount_refunded end;
verb text := case kind when 'confirm' then 'confirmed' when 'capture' then 'captured' when 'cancel' then 'canceled' when 'refund' then 'refunded' end;
begin
if kind = 'confirm' and known.status not in ('requires_payment_method', 'requires_confirmation', 'requires_action')
  or kind = 'capture' and known.status <> 'requires_capture'
  or kind = 'cancel' and known.status in ('processing', 'succeeded', 'canceled') then
  raise exception 'the payment intent is %: it cannot be %', known.status, verb using errcode = 'AH419';
elsif kind = 'capture' and asked > due or kind = 'refund' and coalesce(asked, 1) > due then
  raise exception 'less is left than is asked for' using errcode = 'AH419',
    detail = 'only ' || due || ' can still be ' || verb || coalesce(', not ' || asked, '');
end if;
return null;
end
$$;

create or replace function payment_resume(begun payment_operations, lease_seconds numeric) returns payment_operations language plpgsql as $$
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
    raise exception 'the provider refused' using errcode = 'AH419', detail = begun.error;
  end if;
end if;
return taken;
end
$$;

reset role;
