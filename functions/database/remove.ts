import { staleVersion } from '../../shared/db/rows.ts'
import type { Where } from '../../shared/where.ts'
import type { RecordStore, TableStore } from './store.ts'

const EVERY: Where = { all: [] }
/** More than any table holds. */
const ALL = 1_000_000_000

/** A store that removes by filter as the stages ask for that hold a memory: what will be removed is known by its keys before. */
export const removingByKeys = (records: RecordStore): RecordStore => ({
  ...records,
  removeWhere: async (scope, table, where, at) => {
    const page = await records.query(scope, table, { where, order: [], select: [] }, { limit: ALL, after: undefined })
    const ids = page.items.map(({ id }) => id)
    return ids.length === 0 ? 0 : records.removeWhere(scope, table, where, at, ids)
  },
})

/** Removes a table while a memory has to be told of its records: first these, then the table. */
export const removeTableAfterRecords =
  (tables: TableStore, records: RecordStore): TableStore['remove'] =>
  async (scope, name, at, ifMatch) => {
    const present = await tables.get(scope, name)
    if (!present) return undefined
    if (ifMatch !== undefined && ifMatch !== present.version) throw staleVersion(present.version)
    await removingByKeys(records).removeWhere(scope, name, EVERY, at)
    return tables.remove(scope, name, at, ifMatch)
  }
