import { jsonOf } from '../../shared/db/rows.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const intent = jsonOf(`id, organization_id, amount, currency, status, capture_method, provider, provider_reference, amount_authorized,
  amount_received, amount_refunded, cancellation_reason, client_secret, metadata, extra, iso(created_at) as created_at,
  iso(updated_at) as updated_at`)

/** Whole intents, as memory and Postgres exchange them. */
export const intentReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${intent} as json from payment_intents`,
  restore: [
    `insert into payment_intents
  (organization_id, id, amount, currency, status, capture_method, provider, provider_reference, amount_authorized, amount_received,
  amount_refunded, cancellation_reason, client_secret, metadata, extra, version, created_at, updated_at)
select e ->> 'organization_id', e ->> 'id', (e ->> 'amount')::bigint, e ->> 'currency', e ->> 'status', e ->> 'capture_method',
  e ->> 'provider', e ->> 'provider_reference', (e ->> 'amount_authorized')::bigint, (e ->> 'amount_received')::bigint,
  (e ->> 'amount_refunded')::bigint, e ->> 'cancellation_reason', e ->> 'client_secret', e -> 'metadata', nullif(e -> 'extra', 'null'),
  nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set amount = excluded.amount, currency = excluded.currency, status = excluded.status, capture_method = excluded.capture_method,
  provider = excluded.provider, provider_reference = excluded.provider_reference, amount_authorized = excluded.amount_authorized,
  amount_received = excluded.amount_received, amount_refunded = excluded.amount_refunded,
  cancellation_reason = excluded.cancellation_reason, client_secret = excluded.client_secret, metadata = excluded.metadata,
  extra = excluded.extra, version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at`,
  ],
}

const transaction = jsonOf(`id, organization_id, intent_id, type, amount, currency, status, metadata, extra,
  iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole transactions. They never change: what is there already is what comes. The ledger posts what is new by itself. */
export const transactionReplica: ReplicaSql = {
  entries: `select organization_id, id, version, false as deleted, ${transaction} as json from payment_transactions`,
  restore: [
    `insert into payment_transactions
  (organization_id, id, intent_id, type, amount, currency, status, metadata, extra, version, created_at, updated_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'intent_id', e ->> 'type', (e ->> 'amount')::bigint, e ->> 'currency', e ->> 'status',
  e -> 'metadata', nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do nothing`,
  ],
}
