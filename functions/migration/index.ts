import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { collections } from './collections.ts'
import { postgresDictionaries } from './postgres.ts'
import { dictionaryRoutes } from './routes.ts'

/** The migration function: dictionaries in and out. */
export const makeMigration = ({ db }: Shared) => {
  const dictionaries = postgresDictionaries(db)
  return withSystemRoutes(
    'migration',
    dictionaryRoutes.map(route => route({ dictionaries, collections })),
    db,
  )
}
