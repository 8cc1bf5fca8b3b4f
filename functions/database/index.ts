import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresRecords } from './postgres.ts'
import { recordRoutes } from './routes.ts'
import { postgresTables } from './tables.postgres.ts'
import { tableRoutes } from './tables.routes.ts'

/** The database function: tables that users define, and their records. */
export const makeDatabaseFunction = ({ db }: Shared) => {
  const stores = { tables: postgresTables(db), records: postgresRecords(db, postgresTables) }
  return withSystemRoutes(
    'database',
    [...tableRoutes, ...recordRoutes].map(route => route(stores)),
    db,
  )
}
