import type { z } from 'zod'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newToken, sha256 } from '../../shared/http/credentials.ts'
import { type Counter, takeRate } from '../../shared/http/ratelimit.ts'
import { type Reply, routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import type { Passwords } from './password.ts'
import { NewSession, SessionCreate } from './schema.ts'
import type { SessionStore } from './store.ts'

type Deps = { sessions: SessionStore; passwords: Passwords; count: Counter }

const route = routesOf<Deps>()

/** Logins a minute: of one account, whoever tries, and from one address, whatever the account. */
const PER_ACCOUNT = 10
const PER_ADDRESS = 60
const SLIDING_SECONDS = 24 * 3600
const ABSOLUTE_MS = 30 * 24 * 3600 * 1000

/** Checks a password and opens a session. One answer, in the same time, for a wrong address and a wrong password. */
const login = async (
  scope: Scope,
  { email, password }: z.output<typeof SessionCreate>,
  at: string,
  { sessions, passwords, count }: Deps,
): Promise<{ reply: Reply }> => {
  const now = Date.parse(at)
  takeRate(await count(`login from:${scope.context.address}`, now), PER_ADDRESS, now)
  const known = await sessions.findLogin(scope, email)
  // by the account that Postgres finds: it takes for one address what differs here in lower case still
  const account = known ? JSON.stringify([known.organization_id, known.user_id]) : email.toLowerCase()
  takeRate(await count(`login:${account}`, now), PER_ACCOUNT, now)
  const right = await passwords.check(password, known?.password_hash ?? null)
  if (!known || !right) throw new Refusal('unauthenticated', 'the e-mail address or the password is wrong')
  const token = newToken(known.organization_id)
  const person: Scope = { ...scope, organization_id: known.organization_id, caller: { kind: 'platform', actor: `user:${known.user_id}` } }
  const session = {
    id: newId('ses'),
    user_id: known.user_id,
    hash: sha256(token),
    sliding: SLIDING_SECONDS,
    absolute: new Date(now + ABSOLUTE_MS).toISOString(),
    at,
  }
  const opened = await sessions.create(person, session)
  if (!opened) throw new Refusal('unauthenticated', 'the user was removed or suspended')
  const body = `{"token":"${token}","expires_at":"${opened.expires_at}","user":${opened.user.json}}`
  return { reply: { status: 201, headers: { 'content-type': 'application/json', location: '/organizations/sessions/current' }, body } }
}

export const sessionRoutes = [
  route({
    method: 'post',
    path: '/sessions',
    summary: 'Log in with e-mail address and password',
    role: 'public',
    body: SessionCreate,
    returns: NewSession,
    status: 201,
    handle: ({ body, scope, now }, deps) => login(scope, body, now, deps),
  }),
  route({
    method: 'delete',
    path: '/sessions/current',
    summary: 'Log out: end the session that asks',
    role: 'viewer',
    handle: async ({ scope }, { sessions }) => {
      if (!(await sessions.removeCurrent(scope))) throw new Refusal('not_found', 'an API key asks, not a session')
    },
  }),
]
