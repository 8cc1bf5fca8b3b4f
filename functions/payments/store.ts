import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Balance, Intent, IntentPatch, IntentStatus, Outcome } from './schema.ts'
import type { Transaction, TransactionFilter } from './transactions.schema.ts'

/** What is done to an intent. Without `amount` all that is left is meant; `outcome` is for the provider `manual` alone. */
export type Move = {
  kind: 'confirm' | 'capture' | 'cancel' | 'refund'
  amount?: number | undefined
  outcome?: Outcome | undefined
  reason?: string | undefined
  /** The ids of the operation and of the transaction that may come of it. */
  operation: string
  transaction: string
  at: string
}

/** A new intent; `confirm` confirms it in the same step. */
export type NewIntent = {
  id: string
  amount: number
  currency: string
  capture_method: Intent['capture_method']
  provider: string
  metadata: { [key: string]: Json }
  confirm?: Move | undefined
  at: string
}

/** What is to be asked of a provider outside, recorded before it is. Its `id` is the key under which the provider is asked. */
export type Operation = {
  organization_id: string
  id: string
  intent_id: string
  kind: Move['kind']
  amount: number | null
  reason: string | null
  /** Rises with each takeover: whoever holds an older one can no longer write. */
  fence: number
  intent: Pick<Intent, 'amount' | 'currency' | 'capture_method' | 'provider' | 'amount_capturable' | 'metadata'> & {
    /** The provider's own id of the intent, once it has one. */
    reference: string | null
  }
}

/** A transaction that was made in memory. */
export type Posted = Omit<Transaction, 'version'>

/**
 * Where an intent is by now, and what is to be asked outside before that can be answered. `posted` is for `note`: the transaction that
 * memory has made of it, null where it made none; undefined where Postgres moved the money, and makes its transactions itself.
 */
export type Moved = { row: Row<Intent>; operation: Operation | undefined; posted?: Posted | null | undefined }

/** What a provider says of an intent: sums so far, in minor units; null where it says nothing of it. */
export type Told = {
  reference: string | null
  status: IntentStatus | null
  authorized: number | null
  received: number | null
  refunded: number | null
}

/** What came of an operation: what the provider tells by now, and why it would not do it, if so. */
export type Answer = Told & { refused?: string | undefined }

/** A webhook's event, its signature checked. */
export type ProviderEvent = { organization_id: string; intent_id: string; provider: string; id: string; signed_at: string; told: Told }
export type Hearing = 'applied' | 'duplicate' | 'replayed' | 'unknown'

/**
 * Payment intents and what moves their money. A state that does not allow what is asked throws a conflict with the reason;
 * version_mismatch where `ifMatch` is not the record's version.
 */
export type IntentStore = {
  get(scope: Scope, id: string): Promise<Row<Intent> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice): Promise<Page<Intent>>
  /** Undefined when the id is taken. */
  create(scope: Scope, intent: NewIntent): Promise<Moved | undefined>
  update(scope: Scope, id: string, patch: IntentPatch, at: string, ifMatch: string | undefined): Promise<Row<Intent> | undefined>
  /** Done at once for the provider `manual`; for any other an operation is begun, which the caller carries out and completes. */
  move(scope: Scope, id: string, move: Move): Promise<Moved | undefined>
  /** Ends an operation. Throws a conflict when somebody else took it over. */
  complete(scope: Scope, intent: string, operation: Operation, answer: Answer, transaction: string, at: string): Promise<Row<Intent>>
  /** Takes in what a webhook tells, once. */
  hear(scope: Scope, intent: string, event: ProviderEvent, transaction: string, at: string): Promise<Hearing>
}

/** Transactions: made by what moves the money of intents, and never changed. */
export type TransactionStore = {
  get(scope: Scope, id: string): Promise<Row<Transaction> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: TransactionFilter): Promise<Page<Transaction>>
  /**
   * Those of these transactions that a move has just made: how a mirror comes to know of them. Memory is told what it posted. Throws
   * EpochMoved where the money was moved on the other side: a step came in between, and all of it has to be done anew.
   */
  note(scope: Scope, ids: readonly string[], posted: Moved['posted']): Promise<void>
}

/** Postgres's alone, whatever the stages: balances come from the ledger, and operations are what a crash left half-done. */
export type LedgerStore = {
  /** Balance's JSON. By currency: what is the organization's, and what is authorized and not captured. */
  balance(scope: Scope): Promise<Row<Balance>['json']>
  /** Lets an operation be taken over at once: whoever carried it out cannot tell what came of it. */
  release(scope: Scope, operation: Operation): Promise<void>
  /** Takes over an operation, of any organization, that nobody carries out any more. */
  take(scope: Scope): Promise<Operation | undefined>
  /** How many operations are too old to be asked of a provider again. */
  forsaken(scope: Scope): Promise<number>
}

/** The same refusal from every store. */
export const confirmedAlready = (id: string): Refusal =>
  new Refusal('conflict', `payment intent ${id} was confirmed: its amount, currency and capture_method stay as they are`)

const itself = (id: string): string => id

export const intentMethods: Methods<IntentStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  create: { kind: 'write', key: (intent: NewIntent) => intent.id },
  update: { kind: 'write', key: itself },
  move: { kind: 'write', key: itself },
  complete: { kind: 'write', key: itself },
  hear: { kind: 'write', key: itself },
}

export const transactionMethods: Methods<TransactionStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  note: { kind: 'write', key: (ids: readonly string[]) => ids },
}
