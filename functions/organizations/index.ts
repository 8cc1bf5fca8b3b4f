import { telling } from '../../shared/cache/revocations.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import type { Shared } from '../../shared/shared.ts'
import { postgresKeys } from './keys.postgres.ts'
import { keyRoutes } from './keys.routes.ts'
import { makePasswords } from './password.ts'
import { postgresOrganizations } from './postgres.ts'
import { organizationRoutes } from './routes.ts'
import { postgresSessions } from './sessions.postgres.ts'
import { sessionRoutes } from './sessions.routes.ts'
import { postgresUsers } from './users.postgres.ts'
import { userRoutes } from './users.routes.ts'

/** The organizations function: organizations, users, API keys and sessions. */
export const makeOrganizations = ({ db, count, revocations }: Shared) => {
  const organizations = telling(postgresOrganizations(db), revocations, ['remove'])
  const users = telling(postgresUsers(db), revocations, ['update', 'remove'])
  const sessions = telling(postgresSessions(db), revocations, ['removeCurrent', 'removeOf'])
  const keys = telling(postgresKeys(db), revocations, ['revoke'])
  const passwords = makePasswords()
  const routes = [
    ...organizationRoutes.map(route => route({ organizations })),
    ...userRoutes.map(route => route({ users, sessions, passwords })),
    ...keyRoutes.map(route => route({ keys })),
    ...sessionRoutes.map(route => route({ sessions, passwords, count })),
  ]
  return withSystemRoutes('organizations', routes, db)
}
