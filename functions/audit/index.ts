import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresAudit } from './postgres.ts'
import { auditRoutes } from './routes.ts'

/** The audit function. */
export const makeAudit = ({ db }: Shared) =>
  withSystemRoutes(
    'audit',
    auditRoutes.map(route => route({ audit: postgresAudit(db) })),
    db,
  )
