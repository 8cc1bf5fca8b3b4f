-- 017_payments: payment intents, their transactions, and what goes on with a payment provider outside.
-- Needs 008_legacy. Safe while functions serve: adds tables and functions only.
--
-- The rules of money stand in 017 to 019 and nowhere else: here which status may follow which, what bounds the sums of an intent, and
-- that a transaction never changes. Amounts are minor units (ISO 4217): 100 is 1.00 dollars, 100 yen, 0.100 dinars.

set local role agenthub_owner;

-- How many digits of a currency stand behind the point; null where there is no such currency. ISO 4217, list one of 2025-05-12
-- (www.six-group.com, maintenance agency), without the codes of funds and metals; and what was withdrawn since 2020, for old entries.
create function currency_exponent(code text) returns smallint language sql immutable parallel safe
return case
  when code = any ('{bif,clp,djf,gnf,isk,jpy,kmf,krw,pyg,rwf,ugx,uyi,vnd,vuv,xaf,xof,xpf}') then 0
  when code = any ('{aed,afn,all,amd,aoa,ars,aud,awg,azn,bam,bbd,bdt,bgn,bmd,bnd,bob,bov,brl,bsd,btn,bwp,byn,bzd,cad,cdf,che,chf,chw,cny,cop,cou,crc,cup,cve,czk,dkk,dop,dzd,egp,ern,etb,eur,fjd,fkp,gbp,gel,ghs,gip,gmd,gtq,gyd,hkd,hnl,htg,huf,idr,ils,inr,irr,jmd,kes,kgs,khr,kpw,kyd,kzt,lak,lbp,lkr,lrd,lsl,mad,mdl,mga,mkd,mmk,mnt,mop,mru,mur,mvr,mwk,mxn,mxv,myr,mzn,nad,ngn,nio,nok,npr,nzd,pab,pen,pgk,php,pkr,pln,qar,ron,rsd,rub,sar,sbd,scr,sdg,sek,sgd,shp,sle,sos,srd,ssp,stn,svc,syp,szl,thb,tjs,tmt,top,try,ttd,twd,tzs,uah,usd,usn,uyu,uzs,ved,ves,wst,xcd,xcg,yer,zar,zmw,zwg}') then 2
  when code = any ('{bhd,iqd,jod,kwd,lyd,omr,tnd}') then 3
  when code = any ('{clf,uyw}') then 4
  when code = any ('{ang,cuc,hrk,sll,zwl}') then 2
end;

-- Which status may follow which; `succeeded` and `canceled` are the end.
create function payment_may_become(present text, next text) returns boolean language sql immutable parallel safe
return case present
  when 'requires_payment_method' then next <> 'requires_payment_method'
  when 'requires_confirmation' then next <> 'requires_confirmation'
  when 'requires_action' then next <> 'requires_action'
  when 'processing' then next not in ('processing', 'requires_confirmation')
  when 'requires_capture' then next in ('succeeded', 'canceled')
  else false
end;

create table payment_intents (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  amount bigint not null check (amount >= 0),
  currency text collate "C" not null,
  currency_exponent smallint generated always as (currency_exponent(currency)) stored,
  status text not null check (status in
    ('requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'succeeded', 'canceled')),
  capture_method text not null default 'automatic' check (capture_method in ('automatic', 'manual')),
  provider text not null default 'manual' check (char_length(provider) between 1 and 50),
  provider_reference text check (char_length(provider_reference) <= 255),
  amount_authorized bigint not null default 0,
  amount_received bigint not null default 0,
  amount_refunded bigint not null default 0,
  amount_capturable bigint not null
    generated always as (case when status = 'requires_capture' then amount_authorized - amount_received else 0 end) stored,
  cancellation_reason text check (char_length(cancellation_reason) <= 500),
  client_secret text, -- of a dictionary's entry: shown by its export alone
  metadata jsonb not null default '{}',
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id),
  constraint payment_intents_currency check (currency_exponent(currency) is not null),
  constraint payment_intents_bounds check (0 <= amount_refunded and amount_refunded <= amount_received
    and amount_received <= amount_authorized and amount_authorized <= amount),
  constraint payment_intents_authorized check (amount_authorized = 0 or status in ('requires_capture', 'succeeded', 'canceled'))
);
create index payment_intents_newest on payment_intents (organization_id, created_at desc, id desc) where deleted_at is null;
create index payment_intents_pending on payment_intents (organization_id, currency) include (amount_capturable)
  where status = 'requires_capture' and deleted_at is null;

-- What no path may do to an intent, whoever goes it: an illegal step, less money than before, another sum once it was authorized.
create function guard_payment_intent() returns trigger language plpgsql as $$
begin
if new.status <> old.status and not payment_may_become(old.status, new.status) then
  raise exception 'a payment intent cannot go from % to %', old.status, new.status
    using errcode = 'check_violation', constraint = 'payment_intents_transition';
end if;
if new.amount_received < old.amount_received or new.amount_refunded < old.amount_refunded or new.amount_authorized < old.amount_authorized
  or old.amount_authorized > 0 and (new.amount, new.currency) is distinct from (old.amount, old.currency)
  or old.status in ('succeeded', 'canceled')
    and (new.amount, new.currency, new.amount_authorized, new.amount_received)
      is distinct from (old.amount, old.currency, old.amount_authorized, old.amount_received) then
  raise exception 'what was authorized, captured and refunded of a payment intent never falls, and its end is its end'
    using errcode = 'check_violation', constraint = 'payment_intents_history';
end if;
return new;
end
$$;
create trigger guard before update on payment_intents for each row execute function guard_payment_intent();
alter table payment_intents enable always trigger guard;

-- Money that moved, or was let go: a row is never changed. `intent_id` is as a dictionary's entry named it, which may be nobody's.
-- Signed: what comes in is positive, a refund negative; a void is what was authorized and let go.
create table payment_transactions (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  intent_id text collate "C",
  type text not null check (type in ('charge', 'capture', 'refund', 'void', 'adjustment')),
  amount bigint not null,
  currency text collate "C" not null,
  status text not null default 'completed' check (status in ('pending', 'completed', 'failed', 'canceled')),
  metadata jsonb not null default '{}',
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  constraint payment_transactions_currency check (currency_exponent(currency) is not null),
  constraint payment_transactions_sign check (case type when 'refund' then amount <= 0 when 'adjustment' then true else amount >= 0 end)
);
create index payment_transactions_newest on payment_transactions (organization_id, created_at desc, id desc);
create index payment_transactions_intent on payment_transactions (organization_id, intent_id, created_at desc, id desc);

-- Puts up what keeps a table's rows as they were written: even its owner may only add to them.
create function refuse_change() returns trigger language plpgsql as $$
begin
raise exception 'rows of % are never changed nor removed', tg_table_name using errcode = 'restrict_violation';
end
$$;
create function make_immutable(target regclass) returns void language plpgsql as $$
begin
execute format('create trigger immutable before update or delete on %s for each row execute function refuse_change()', target);
execute format('create trigger immutable_whole before truncate on %s for each statement execute function refuse_change()', target);
execute format('alter table %s enable always trigger immutable', target);
execute format('alter table %s enable always trigger immutable_whole', target);
end
$$;

-- What is asked of a provider outside, recorded before it is asked: after a crash anybody can go on from here, under the same key.
-- `fence` rises with each takeover: whoever holds an older one can no longer write. One operation of an intent goes on at a time.
create table payment_operations (
  organization_id text collate "C" not null,
  id text collate "C" not null, -- the provider's idempotency key
  intent_id text collate "C" not null,
  kind text not null check (kind in ('confirm', 'capture', 'cancel', 'refund')),
  amount bigint check (amount >= 0),
  reason text,
  state text not null default 'begun' check (state in ('begun', 'done', 'failed')),
  error text,
  fence int not null default 1,
  leased_until timestamptz not null,
  request_key text collate "C", -- the Idempotency-Key that it was asked for with, '<route> <key>'
  request_hash bytea,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, intent_id) references payment_intents (organization_id, id)
);
create unique index payment_operations_open on payment_operations (organization_id, intent_id) where state = 'begun';
create index payment_operations_request on payment_operations (organization_id, request_key, created_at);

-- What a provider told by webhook, so that telling it twice changes nothing. `signed_at` is the time that its signature covers.
create table payment_events (
  organization_id text collate "C" not null,
  id text collate "C" not null, -- '<provider> <its id of the event>'
  intent_id text collate "C" not null,
  signed_at timestamptz not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
);

select make_tenant_table('payment_intents'), make_tenant_table('payment_transactions'), make_tenant_table('payment_operations'),
  make_tenant_table('payment_events');
select make_audited('payment_intents', 'payment_intent', '{client_secret}'), make_audited('payment_transactions', 'payment_transaction'),
  make_audited('payment_operations', 'payment_operation', '{request_hash}', '{leased_until}');
select make_immutable('payment_transactions'), make_immutable('payment_events');
revoke update, delete on payment_transactions, payment_events from agenthub_app, agenthub_jobs;

reset role;
