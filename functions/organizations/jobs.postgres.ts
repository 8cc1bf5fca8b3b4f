import type { Database } from '../../shared/db/database.ts'
import { purge } from '../../shared/db/purge.ts'
import type { Part } from '../../shared/job.ts'

/** Sessions that ended a week ago: until then a question who was logged in has its answer. Revoked ones are gone already. */
export const purgeSessions = (db: Database): Part =>
  purge(db, { table: 'sessions', when: "least(expires_at, absolute_expires_at) < now() - interval '7 days'" })
