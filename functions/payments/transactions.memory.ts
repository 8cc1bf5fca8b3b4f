import { EpochMoved } from '../../shared/errors.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { TransactionStore } from './store.ts'
import type { Transaction } from './transactions.schema.ts'

type Kept = Omit<Transaction, 'version'> & { extra?: unknown }
export type TransactionTable = Table<Kept, Transaction>

export const transactionTable = (): TransactionTable =>
  makeTable({
    render: ({ extra: _, ...transaction }, version) => ({ ...transaction, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

/** Transactions in this process; the intents of this process make them. */
export const memoryTransactions = (table: TransactionTable = transactionTable()): TransactionStore => ({
  get: async (scope, id) => table.get(scope.organization_id, id),
  list: async (scope, slice, { intent_id }) =>
    table.list(scope.organization_id, slice, one => intent_id === undefined || one.intent_id === intent_id),
  note: async (_scope, _ids, posted) => {
    if (posted === undefined) throw new EpochMoved()
    if (posted) table.create(posted.organization_id, posted.id, posted)
  },
})
