import type { Database } from '../../shared/db/database.ts'
import type { Around } from '../../shared/db/scope.ts'
import { parseJson } from '../../shared/json.ts'
import type { LedgerStore, Operation } from './store.ts'

/** For work behind the back of a process's memory: there must be none. */
export const whileComplete: Around = {
  checks: [{ call: 'hold_complete', values: ['{payment_intents,transactions}'] }],
  after: [],
  learn: () => {},
}

/** How long an operation is its caller's alone: longer than a provider may take to answer. */
export const LEASE_SECONDS = 30

/** Beyond this age (hours) a provider may have forgotten the key, and would do it again: an operation is then left to people. */
const KEY_HOURS = 23

/** The JSON of an operation `o` of the intent `i`, null where there is none. */
export const operationJson = (o: string, i: string): string => `case when ${o}.id is not null then jsonb_build_object(
  'organization_id', ${o}.organization_id, 'id', ${o}.id, 'intent_id', ${o}.intent_id, 'kind', ${o}.kind, 'amount', ${o}.amount,
  'reason', ${o}.reason, 'fence', ${o}.fence, 'intent', jsonb_build_object('amount', ${i}.amount, 'currency', ${i}.currency,
    'capture_method', ${i}.capture_method, 'provider', ${i}.provider, 'amount_capturable', ${i}.amount_capturable,
    'metadata', ${i}.metadata, 'reference', ${i}.provider_reference))::text end`

const balance = `select json_build_object('items', coalesce(json_agg(json_build_object(
  'currency', currency, 'available', coalesce(available, 0), 'pending', coalesce(pending, 0)) order by currency), '[]'))::text
from (
  select currency, sum(balance) as available from ledger_balances
  where organization_id = $1 and account = 'available' group by currency
) ledger
full join (
  select currency, sum(amount_capturable) as pending from payment_intents
  where organization_id = $1 and status = 'requires_capture' and deleted_at is null group by currency
) held using (currency)`

const release = `update payment_operations
set leased_until = clock_timestamp(), version = nextval('row_version')
where organization_id = $1 and id = $2 and fence = $3::int and state = 'begun'`

const take = `with due as (
  select organization_id, id from payment_operations
  where state = 'begun' and leased_until < clock_timestamp() and created_at > now() - make_interval(hours => ${KEY_HOURS})
  order by leased_until
  limit 1
  for update skip locked
), o as (
  update payment_operations p
  set fence = fence + 1, leased_until = clock_timestamp() + make_interval(secs => ${LEASE_SECONDS}), version = nextval('row_version')
  from due where p.organization_id = due.organization_id and p.id = due.id
  returning p.*
)
select ${operationJson('o', 'i')} from o join payment_intents i on i.organization_id = o.organization_id and i.id = o.intent_id`

const forsaken = `select count(*)::text from payment_operations
where state = 'begun' and created_at <= now() - make_interval(hours => ${KEY_HOURS})`

/** What of payments is Postgres's alone: balances from the ledger, and the operations that nobody carries out any more. */
export const postgresLedger = (db: Database): LedgerStore => ({
  balance: async scope => {
    const [row] = await db.read(scope, { name: 'ledger.balance', text: balance, values: [scope.organization_id] })
    return row?.[0] as string
  },
  release: async (scope, { organization_id, id, fence }) => {
    await db.write(scope, { name: 'payment_operations.release', text: release, values: [organization_id, id, fence] })
  },
  take: async scope => {
    const [row] = await db.write(scope, { name: 'payment_operations.take', text: take, values: [] })
    return row && (parseJson(row[0] as string) as unknown as Operation)
  },
  forsaken: async scope => {
    const [row] = await db.read(scope, { name: 'payment_operations.forsaken', text: forsaken, values: [] })
    return Number(row?.[0])
  },
})
