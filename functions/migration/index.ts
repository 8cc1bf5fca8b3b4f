import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresStageStore } from './stages.postgres.ts'
import { stageRoutes } from './stages.routes.ts'

/** Every collection that once was a dictionary, wherever it is served. */
const names = ['agents', 'counters', 'conversations']

/** The migration function: where every collection stands, and its steps. */
export const makeMigration = ({ db, collections, config }: Shared) => {
  const stages = postgresStageStore(db, collections, names, config.migration.first)
  return withSystemRoutes(
    'migration',
    stageRoutes.map(route => route({ stages })),
    db,
  )
}
