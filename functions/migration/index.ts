import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { collections as dictionaries } from './collections.ts'
import { postgresDictionaries } from './postgres.ts'
import { dictionaryRoutes } from './routes.ts'
import { postgresStageStore } from './stages.postgres.ts'
import { stageRoutes } from './stages.routes.ts'

/** The migration function: the stages of the collections, and dictionaries in and out. */
export const makeMigration = ({ db, config, held }: Shared) => {
  const names = dictionaries.map(({ name }) => name)
  const stages = postgresStageStore(db, held, names, config.migration)
  const routes = [
    ...stageRoutes.map(route => route({ stages })),
    ...dictionaryRoutes.map(route => route({ dictionaries: postgresDictionaries(db), collections: dictionaries })),
  ]
  return withSystemRoutes('migration', routes, db)
}
