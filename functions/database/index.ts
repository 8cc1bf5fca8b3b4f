import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { recordCollection, tableCollection } from './collections.ts'
import { removeTableAfterRecords, removingByKeys } from './remove.ts'
import { recordRoutes } from './routes.ts'
import type { TableStore } from './store.ts'
import { tableRoutes } from './tables.routes.ts'

/** The database function: tables that users define, and their records. Its stores are those of the stage that each collection is at. */
export const makeDatabaseFunction = ({ db, stage }: Shared) => {
  const tables = stage(tableCollection())
  const records = stage(recordCollection(() => tables.store))
  const stores = {
    get tables() {
      return tables.store
    },
    get records() {
      return records.keeper.stage() === 'complete' ? records.store : removingByKeys(records.store)
    },
    removeTable: async (...asked: Parameters<TableStore['remove']>) => {
      const { row } = await records.keeper.enter() // nothing else may ask of the records, and what was known of them be long over
      return row.stage === 'complete' ? tables.store.remove(...asked) : removeTableAfterRecords(tables.store, records.store)(...asked)
    },
  }
  const routes = [...tableRoutes.map(route => route(stores)), ...recordRoutes.map(route => route(stores))]
  return withSystemRoutes('database', routes, db)
}
