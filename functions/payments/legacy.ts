import type { Collection } from '../../shared/db/legacy.ts'

/** `payment_intents`: key -> intent, in minor units. What its status says was authorized and captured follows; an amount may be 0. */
export const paymentIntents: Collection = {
  name: 'payment_intents',
  table: 'payment_intents',
  entry: {
    id: 'id',
    fields: [
      { field: 'amount', column: 'amount', type: 'integer', required: true },
      { field: 'currency', column: 'currency', type: 'lowercase', required: true },
      { field: 'status', column: 'status', type: 'text', required: true },
      { field: 'client_secret', column: 'client_secret', type: 'text' },
      { field: 'metadata', column: 'metadata', type: 'json', absent: "'{}'" },
      { field: 'created', column: 'created_at', type: 'unix' },
    ],
  },
  derived: {
    capture_method: "case status when 'requires_capture' then 'manual' else 'automatic' end",
    amount_authorized: "case when status in ('requires_capture', 'succeeded') then amount else 0 end",
    amount_received: "case status when 'succeeded' then amount else 0 end",
  },
}

/** `transactions`: key -> transaction, signed. They never change; the ledger posts each completed one by itself. */
export const transactions: Collection = {
  name: 'transactions',
  table: 'payment_transactions',
  fixed: true,
  entry: {
    id: 'id',
    fields: [
      { field: 'payment_intent', column: 'intent_id', type: 'text' },
      { field: 'amount', column: 'amount', type: 'integer', required: true },
      { field: 'currency', column: 'currency', type: 'lowercase', required: true },
      { field: 'type', column: 'type', type: 'text', required: true },
      { field: 'status', column: 'status', type: 'text', absent: "'completed'" },
      { field: 'metadata', column: 'metadata', type: 'json', absent: "'{}'" },
      { field: 'created_at', column: 'created_at', type: 'time' },
    ],
  },
}
