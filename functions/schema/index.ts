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
    const bringUp = async () => (await import('../../shared/db/bringup.ts')).bringUp(config, migrations) // not needed to start
    const routes = schemaRoutes.map(route => route({ bringUp }))
    return withSystemRoutes('schema', routes, db)
  }
