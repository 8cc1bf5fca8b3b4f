import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { toRow } from '../../shared/db/rows.ts'
import type { User } from './schema.ts'
import type { SessionStore } from './store.ts'
import { touching, userJson } from './users.postgres.ts'

const findLogin = 'select organization_id, user_id, password_hash from find_login($1)'

const create = `with person as (
  select * from users where organization_id = $1 and id = $3 and status = 'active' for key share
), session as (
  insert into sessions
    (organization_id, id, user_id, token_hash, sliding, expires_at, absolute_expires_at, version, created_at, updated_at)
  select $1, $2, id, $4, make_interval(secs => $5), least($7::timestamptz + make_interval(secs => $5), $6), $6, nextval('row_version'), $7, $7
  from person
  returning expires_at
)
select id, version, ${userJson}, iso(expires_at) from person, session`

const removeCurrent = `delete from sessions
where organization_id = $1 and 'session:' || id = current_setting('app.actor')
returning id`

const removeOf = `with gone as (delete from sessions where organization_id = $1 and user_id = $2)
select id from users where organization_id = $1 and id = $2`

const idOf = ([row]: Columns[]) => row && { id: row[0] as string }

/** Sessions in Postgres. */
export const postgresSessions = (db: Database): SessionStore => ({
  findLogin: async (scope, email) => {
    const [row] = await db.read(scope, { name: 'sessions.find_login', text: findLogin, values: [email] })
    return row && { organization_id: row[0] as string, user_id: row[1] as string, password_hash: row[2] ?? null }
  },
  create: async (scope, { id, user_id, hash, sliding, absolute, at }) => {
    const values = [scope.organization_id, id, user_id, hash, sliding, absolute, at]
    const [row] = await db.write(scope, { name: 'sessions.create', text: create, values })
    return row && { user: toRow<User>(row), expires_at: row[3] as string }
  },
  removeCurrent: async scope =>
    idOf(await db.write(scope, { name: 'sessions.remove_current', text: removeCurrent, values: [scope.organization_id] })),
  removeOf: async (scope, user) =>
    idOf(
      await db.write(scope, touching(scope, user), { name: 'sessions.remove_of', text: removeOf, values: [scope.organization_id, user] }),
    ),
})
