import type { Database } from '../../shared/db/database.ts'
import { jsonOf, NEWEST, oneRow, stamps, toPage } from '../../shared/db/rows.ts'
import { EpochMoved } from '../../shared/errors.ts'
import type { TransactionStore } from './store.ts'
import type { Transaction } from './transactions.schema.ts'

const json = jsonOf(`id, organization_id, intent_id, type, amount, currency, status, metadata, ${stamps}`)

const get = `select id, version, ${json} from payment_transactions where organization_id = $1 and id = $2`

const list = `select id, version, ${json}, iso(created_at), id from payment_transactions
where organization_id = $1
  and (created_at, id) < ($3::timestamptz, $4)
  and ($5::text is null or intent_id = $5)
order by created_at desc, id desc
limit $2::int + 1`

/** Transactions in Postgres: the functions that move an intent's money insert them. */
export const postgresTransactions = (db: Database): TransactionStore => ({
  get: async (scope, id) =>
    oneRow<Transaction>(await db.read(scope, { name: 'payment_transactions.get', text: get, values: [scope.organization_id, id] })),
  list: async (scope, slice, { intent_id }) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST), intent_id ?? null]
    const planned = intent_id === undefined ? 'once' : undefined // those of an intent have an index of their own
    return toPage<Transaction>(await db.read(scope, { name: 'payment_transactions.list', text: list, values, planned }), slice)
  },
  note: async (scope, _ids, posted) => {
    if (posted !== undefined) throw new EpochMoved()
    await db.write(scope) // a mirror reads what it must know in the same transaction
  },
})
