import { paymentCollections } from '../../functions/payments/collections.ts'
import { memoryIntents } from '../../functions/payments/memory.ts'
import { postgresIntents } from '../../functions/payments/postgres.ts'
import { memoryTransactions } from '../../functions/payments/transactions.memory.ts'
import { postgresTransactions } from '../../functions/payments/transactions.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { paymentContract } from './payments.contract.ts'
import { inMemory, mirrored, onPostgres } from './support.ts'

paymentContract(
  'in memory',
  inMemory(() => ({ intents: memoryIntents(), transactions: memoryTransactions() })),
)
paymentContract(
  'in Postgres',
  onPostgres(db => ({ intents: postgresIntents(db), transactions: postgresTransactions(db) })),
)
// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : []) paymentContract(`mirrored in ${stage}`, mirrored(stage, paymentCollections))
