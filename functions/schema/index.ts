import { bringUp } from '../../shared/db/bringup.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { schemaRoutes } from './routes.ts'

/**
 * The schema function: `npm run migrate` where only a function reaches the database. Its login may make roles and extensions; nobody
 * but a release may call it.
 */
export const makeSchema =
  (migrations: string) =>
  ({ db, config }: Shared) => {
    const routes = schemaRoutes.map(route => route({ bringUp: () => bringUp(config, migrations) }))
    return withSystemRoutes('schema', routes, db)
  }
