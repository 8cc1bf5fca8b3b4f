-- 018_ledger: double entry behind every transaction, and balances that are always the sum of their entries.
-- Needs 017_payments and 014_reports. Safe while functions serve: adds tables, triggers and a report only.
--
-- Nobody writes here but the triggers: a completed transaction posts its pair, whichever way it came (a payment, an import, a copy of
-- memory); an entry adds itself to its balance, in the same transaction. Accounts are `available` (the organization's money),
-- `customers` (where it comes from), and for what was authorized and let go `released` and `authorizations`.

set local role agenthub_owner;

create table ledger_entries (
  organization_id text collate "C" not null,
  id text collate "C" not null, -- '<transaction>:<account>'
  transaction_id text collate "C" not null,
  account text collate "C" not null check (account in ('available', 'customers', 'released', 'authorizations')),
  currency text collate "C" not null,
  amount bigint not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, transaction_id) references payment_transactions (organization_id, id)
);
create index ledger_entries_transaction on ledger_entries (organization_id, transaction_id);
create index ledger_entries_account on ledger_entries (organization_id, account, created_at) include (currency, amount);

-- A balance lies in 16 parts, so that payments of one organization do not wait for one row. `balance` has no bound: a sum of bigints.
create table ledger_balances (
  organization_id text collate "C" not null,
  id text collate "C" not null, -- '<account>:<currency>:<part>'
  account text collate "C" not null,
  currency text collate "C" not null,
  part smallint not null check (part between 0 and 15),
  balance numeric not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id)
) with (fillfactor = 50);

select make_tenant_table('ledger_entries'), make_tenant_table('ledger_balances');
select make_immutable('ledger_entries');
revoke insert, update, delete on ledger_entries, ledger_balances from agenthub_app, agenthub_jobs;
create policy ledger on ledger_entries to agenthub_owner using (true) with check (true);
create policy ledger on ledger_balances to agenthub_owner using (true) with check (true);

create function post_transactions() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
insert into ledger_entries (organization_id, id, transaction_id, account, currency, amount, version, created_at, updated_at)
select n.organization_id, n.id || ':' || account, n.id, account, n.currency, sign * n.amount, nextval('row_version'), n.created_at, n.updated_at
from new_rows n
cross join lateral (values
  (case n.type when 'void' then 'authorizations' else 'customers' end, -1),
  (case n.type when 'void' then 'released' else 'available' end, 1)
) pair (account, sign)
where n.status = 'completed';
return null;
end
$$;
create trigger post after insert on payment_transactions referencing new table as new_rows
for each statement execute function post_transactions();

-- Rows are locked in one order, account by account, so that two of these never wait for each other.
create function add_to_balances() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
insert into ledger_balances as b (organization_id, id, account, currency, part, balance, version, created_at, updated_at)
select organization_id, account || ':' || currency || ':' || part, account, currency, part, sum(amount), nextval('row_version'), now(), now()
from (select *, (hashtext(transaction_id) & 15)::smallint as part from new_rows) n
group by organization_id, account, currency, part
order by organization_id, account, currency, part
on conflict (organization_id, id) do update
set balance = b.balance + excluded.balance, version = nextval('row_version'), updated_at = excluded.updated_at;
return null;
end
$$;
create trigger add_up after insert on ledger_entries referencing new table as new_rows
for each statement execute function add_to_balances();

create function check_balanced() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
if (
  select sum(amount) from ledger_entries
  where organization_id = new.organization_id and transaction_id = new.transaction_id and currency = new.currency
) <> 0 then
  raise exception 'the entries of transaction % do not sum to 0 in %', new.transaction_id, new.currency
    using errcode = 'check_violation', constraint = 'ledger_entries_balanced';
end if;
return null;
end
$$;
create constraint trigger balanced after insert on ledger_entries deferrable initially deferred
for each row execute function check_balanced();

revoke execute on function post_transactions, add_to_balances, check_balanced from public;

alter table payment_transactions enable always trigger post;
alter table ledger_entries enable always trigger add_up;
alter table ledger_entries enable always trigger balanced;

-- The report revenue: by the day and currency what came in, what went back, and what is left of it, in minor units.
insert into report_refreshes (name) values ('revenue');
create materialized view report_revenue as
select o.id as organization_id, e.day, e.currency, e.received, e.refunded, e.net
from organizations o, lateral (
  select (created_at at time zone 'UTC')::date as day, currency, coalesce(sum(amount) filter (where amount > 0), 0) as received,
    coalesce(-sum(amount) filter (where amount < 0), 0) as refunded, sum(amount) as net
  from ledger_entries
  where organization_id = o.id and account = 'available' and created_at >= (select report_since('revenue')::timestamp at time zone 'UTC')
  group by 1, 2
) e;
create unique index report_revenue_key on report_revenue (organization_id, day, currency);
create view own_revenue with (security_barrier) as
select day, currency, received, refunded, net from report_revenue where organization_id = scope_organization();
grant select on own_revenue to agenthub_app;

reset role;
