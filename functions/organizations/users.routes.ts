import type { z } from 'zod'
import { atLeast } from '../../shared/db/scope.ts'
import { found, made } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { Ref } from '../../shared/shapes.ts'
import type { Passwords } from './password.ts'
import { User, UserCreate, UserPatch } from './schema.ts'
import type { SessionStore, UserChange, UserStore } from './store.ts'

const route = routesOf<{ users: UserStore; sessions: SessionStore; passwords: Passwords }>()

/** A patch as the store takes it: the password only as its hash. */
const changeOf = async ({ password, ...change }: z.output<typeof UserPatch>, passwords: Passwords): Promise<UserChange> =>
  (password === undefined ? change : { ...change, password_hash: password && (await passwords.hash(password)) }) as UserChange

export const userRoutes = [
  route({
    method: 'post',
    path: '/users',
    summary: 'Create a user',
    role: 'admin',
    body: UserCreate,
    returns: User,
    status: 201,
    handle: async ({ body, scope, now }, { users, passwords }) => {
      const { id = newId('usr'), email, name = null, role, status, password } = body
      const password_hash = password === undefined ? null : await passwords.hash(password)
      const row = { id, email, name, role, status, password_hash, at: now }
      return made('a user with this id or e-mail address,', email, await users.create(atLeast(scope, role), row))
    },
  }),
  route({
    method: 'get',
    path: '/users',
    summary: 'List users, newest first',
    role: 'viewer',
    lists: User,
    handle: ({ scope, slice }, { users }) => users.list(scope, slice),
  }),
  route({
    method: 'get',
    path: '/users/:id',
    summary: 'Get a user',
    role: 'viewer',
    params: Ref,
    returns: User,
    handle: async ({ params, scope }, { users }) => found('user', params.id, await users.get(scope, params.id)),
  }),
  route({
    method: 'patch',
    path: '/users/:id',
    summary: 'Update a user; the last active owner stays one',
    role: 'admin',
    params: Ref,
    body: UserPatch,
    returns: User,
    handle: async ({ params, body, scope, ifMatch, now }, { users, passwords }) => {
      const asking = atLeast(scope, body.role ?? 'admin')
      return found('user', params.id, await users.update(asking, params.id, await changeOf(body, passwords), now, ifMatch))
    },
  }),
  route({
    method: 'delete',
    path: '/users/:id',
    summary: 'Remove a user, with the keys and sessions made by it',
    role: 'admin',
    params: Ref,
    handle: async ({ params, scope, ifMatch }, { users }) => {
      found('user', params.id, await users.remove(scope, params.id, ifMatch))
    },
  }),
  route({
    method: 'delete',
    path: '/users/:id/sessions',
    summary: 'End all sessions of a user',
    role: 'admin',
    params: Ref,
    handle: async ({ params, scope }, { sessions }) => {
      found('user', params.id, await sessions.removeOf(scope, params.id))
    },
  }),
]
