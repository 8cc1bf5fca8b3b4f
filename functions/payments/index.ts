import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Job } from '../../shared/job.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import type { Staged } from '../../shared/migration/staged.ts'
import type { Shared } from '../../shared/shared.ts'
import { paymentCollections } from './collections.ts'
import { postgresLedger, whileComplete } from './ledger.postgres.ts'
import type { Payments } from './perform.ts'
import { postgresIntents } from './postgres.ts'
import type { Provider, Providers } from './provider.ts'
import { paymentRoutes } from './routes.ts'
import { settlePayments } from './settle.ts'
import type { IntentStore, TransactionStore } from './store.ts'
import { makeStripe } from './stripe.ts'
import { postgresTransactions } from './transactions.postgres.ts'
import { webhookRoutes } from './webhooks.routes.ts'

/** The stage of the moment: what an idle process knew of it may be long over. */
const stageOf = async ({ keeper }: Staged<object>): Promise<Stage> => (await keeper.enter()).row.stage

const inMemory = async (staged: Staged<object>): Promise<boolean> => (await stageOf(staged)) === 'off'

/** The two collections, put at their stages once in a process. */
const stagedIn = ({ collections, stage }: Shared): { intents: Staged<IntentStore>; transactions: Staged<TransactionStore> } => {
  if (!collections.has('payment_intents')) Object.values(paymentCollections()).map(collection => stage(collection as never))
  return {
    intents: collections.get('payment_intents') as Staged<IntentStore>,
    transactions: collections.get('transactions') as Staged<TransactionStore>,
  }
}

const providersOf = ({ config: { payments } }: Pick<Shared, 'config'>): Providers =>
  new Map<string, Provider>(payments.stripe ? [['stripe', makeStripe(payments.stripe)]] : [])

/**
 * What carries payments out in this process. Money moves only while both collections are on the same side: else it is a 503. Where one
 * of them takes a step between the move and its note, the note refuses it, and the request is done anew (doOnce).
 */
const paymentsOf = (shared: Shared): Payments => {
  const { intents, transactions } = stagedIn(shared)
  const ledger = postgresLedger(shared.db)
  const together = async (): Promise<IntentStore> => {
    if ((await inMemory(intents)) !== (await inMemory(transactions)))
      throw new Refusal('unavailable', 'payment_intents and transactions leave memory, and come back to it, together', { retryAfter: 60 })
    return intents.store
  }
  return {
    providers: providersOf(shared),
    log: shared.log,
    intents: {
      get: (...asked) => intents.store.get(...asked),
      list: (...asked) => intents.store.list(...asked),
      update: (...asked) => intents.store.update(...asked),
      create: async (...asked) => (await together()).create(...asked),
      move: async (...asked) => (await together()).move(...asked),
      complete: async (...asked) => (await together()).complete(...asked),
      hear: async (...asked) => (await together()).hear(...asked),
    },
    transactions: {
      get: (...asked) => transactions.store.get(...asked),
      list: (...asked) => transactions.store.list(...asked),
      note: async (scope, ids, posted) => {
        if (posted !== undefined || (await stageOf(transactions)) !== 'complete') await transactions.store.note(scope, ids, posted)
      },
    },
    ledger: {
      ...ledger,
      balance: async scope => {
        if (await inMemory(transactions)) throw new Refusal('unavailable', 'there is no ledger in the stage off', { retryAfter: 60 })
        return ledger.balance(scope)
      },
    },
  }
}

/** The job settle-payments, in whatever process: no memory hears of what it does, so that it does nothing while there is one. */
export const paymentsJob = (shared: Pick<Shared, 'db' | 'log' | 'config'>): Job => {
  const { db, log } = shared
  const alone = (scope: Scope): Scope => ({ ...scope, around: whileComplete })
  const [intents, transactions, ledger] = [postgresIntents(db), postgresTransactions(db), postgresLedger(db)]
  return settlePayments({
    log,
    providers: providersOf(shared),
    intents: { ...intents, complete: (scope, ...asked) => intents.complete(alone(scope), ...asked) },
    transactions: { ...transactions, note: async () => {} },
    ledger: { ...ledger, take: scope => ledger.take(alone(scope)) },
  })
}

/** The payments function. */
export const makePayments = (shared: Shared) => {
  const payments = paymentsOf(shared)
  const { provider } = shared.config.payments
  const routes = [...paymentRoutes.map(route => route({ ...payments, provider })), ...webhookRoutes.map(route => route(payments))]
  return withSystemRoutes('payments', routes, shared.db)
}
