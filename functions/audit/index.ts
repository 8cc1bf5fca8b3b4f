import { withSystemRoutes } from '../../shared/http/system.ts'
import { openObjects } from '../../shared/objects/open.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresBlocks } from './blocks.postgres.ts'
import { headsIn } from './heads.ts'
import { postgresAudit } from './postgres.ts'
import { auditRoutes } from './routes.ts'

/** The audit function. */
export const makeAudit = ({ db, config }: Shared) => {
  const deps = { audit: postgresAudit(db), blocks: postgresBlocks(db), heads: headsIn(openObjects(config.auditHeads)) }
  return withSystemRoutes(
    'audit',
    auditRoutes.map(route => route(deps)),
    db,
  )
}
