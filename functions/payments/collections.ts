import type { Collection } from '../../shared/migration/staged.ts'
import { intentTable, memoryIntents } from './memory.ts'
import { postgresIntents } from './postgres.ts'
import { intentReplica, transactionReplica } from './replica.postgres.ts'
import { type IntentStore, intentMethods, type TransactionStore, transactionMethods } from './store.ts'
import { memoryTransactions, transactionTable } from './transactions.memory.ts'
import { postgresTransactions } from './transactions.postgres.ts'

/** Intents and transactions as they were and as they are: while Postgres fails, memory answers nothing that money depends on. */
export const paymentCollections = (): { intents: Collection<IntentStore>; transactions: Collection<TransactionStore> } => {
  const intents = intentTable()
  const transactions = transactionTable()
  return {
    intents: {
      name: 'payment_intents',
      memory: memoryIntents(intents),
      replica: intents.replica,
      postgres: postgresIntents,
      sql: intentReplica,
      methods: intentMethods,
      fallback: false,
    },
    transactions: {
      name: 'transactions',
      memory: memoryTransactions(transactions),
      replica: transactions.replica,
      postgres: postgresTransactions,
      sql: transactionReplica,
      methods: transactionMethods,
      fallback: false,
    },
  }
}
