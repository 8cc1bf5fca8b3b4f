import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { recordCollection, tableCollection } from './collections.ts'
import { removeTableAfterRecords, removingByKeys } from './remove.ts'
import { recordRoutes } from './routes.ts'
import { tableRoutes } from './tables.routes.ts'

/** The database function: tables that users define, and their records. Its stores are those of the stage that each collection is at. */
export const makeDatabaseFunction = ({ db, stage }: Shared) => {
  const tables = stage(tableCollection())
  const records = stage(recordCollection(() => tables.store))
  const alone = () => records.keeper.stage() === 'complete'
  const stores = {
    get tables() {
      return tables.store
    },
    get records() {
      return alone() ? records.store : removingByKeys(records.store)
    },
    get removeTable() {
      return alone() ? tables.store.remove : removeTableAfterRecords(tables.store, records.store)
    },
  }
  const routes = [...tableRoutes.map(route => route(stores)), ...recordRoutes.map(route => route(stores))]
  return withSystemRoutes('database', routes, db)
}
