import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import type { Log } from '../../shared/observe/log.ts'
import type { Row } from '../../shared/record.ts'
import type { Provider, Providers } from './provider.ts'
import type { Intent } from './schema.ts'
import type { Answer, IntentStore, LedgerStore, Move, Moved, Operation, TransactionStore } from './store.ts'

/** What carries payments out. */
export type Payments = {
  intents: IntentStore
  transactions: TransactionStore
  ledger: LedgerStore
  providers: Providers
  log: Log
}

const asking = { confirm: 'authorize', capture: 'capture', cancel: 'cancel', refund: 'refund' } as const

/** Lets a request's retry go on at once. */
const letGo = async ({ unit: _, ...scope }: Scope, operation: Operation, { ledger, log }: Payments): Promise<void> => {
  await ledger.release(scope, operation).catch(error => log('warning', 'an operation was not released', { error, operation: operation.id }))
}

/** Asks a provider. Where its answer is lost, the request can be repeated: it goes on from here, under the same key. */
const answerOf = async (scope: Scope, operation: Operation, payments: Payments): Promise<Answer> => {
  const { providers, log } = payments
  const { id, kind, intent } = operation
  try {
    const provider = providers.get(intent.provider)
    if (!provider) throw new Error(`the provider ${intent.provider} is not configured`)
    return await provider[asking[kind] satisfies keyof Provider](operation)
  } catch (cause) {
    log('warning', 'a provider gave no answer', { error: cause, operation: id, provider: intent.provider })
    if (scope.unit) await letGo(scope, operation, payments)
    throw new Refusal('unavailable', 'the payment provider gave no answer: repeat the request with its Idempotency-Key', {
      retryAfter: 1,
      cause,
    })
  }
}

/**
 * Carries an operation out: the provider is asked outside any transaction, and what it says is written in one. Whatever of this a
 * crash leaves undone is done by the request's retry, or by the job settle-payments. Throws a conflict for what the provider refuses.
 */
export const perform = async (scope: Scope, operation: Operation, at: string, payments: Payments): Promise<Row<Intent>> => {
  await scope.unit?.commit()
  const answer = await answerOf(scope, operation, payments)
  const transaction = newId('txn')
  const row = await payments.intents.complete(scope, operation.intent_id, operation, answer, transaction, at)
  await noteTransactions(scope, transaction, payments)
  if (answer.refused !== undefined) {
    await scope.unit?.commit() // the refusal is recorded, and outlasts its answer
    throw new Refusal('conflict', answer.refused)
  }
  return row
}

/** Tells a mirror of the transactions that a move may have made. */
export const noteTransactions = async (scope: Scope, id: string, { transactions }: Payments, posted?: Moved['posted']): Promise<void> => {
  await transactions.note(scope, [id, `${id}:2`, `${id}:3`], posted)
}

/** The intent as it is once all that was begun is carried out. Undefined where there is none. */
export const settled = async (
  scope: Scope,
  moved: Moved | undefined,
  { transaction, at }: Pick<Move, 'transaction' | 'at'>,
  payments: Payments,
): Promise<Row<Intent> | undefined> => {
  if (moved?.operation) return perform(scope, moved.operation, at, payments)
  if (moved) await noteTransactions(scope, transaction, payments, moved.posted)
  return moved?.row
}
