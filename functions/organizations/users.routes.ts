import { atLeast, type Scope } from '../../shared/db/scope.ts'
import { found, made } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { Ref } from '../../shared/shapes.ts'
import type { Passwords } from './password.ts'
import { User, UserCreate, UserPatch } from './schema.ts'
import type { SessionStore, UserChange, UserStore } from './store.ts'

const route = routesOf<{ users: UserStore; sessions: SessionStore; passwords: Passwords }>()

type Hashing = { users: UserStore; passwords: Passwords }

/**
 * The hash of a password, if there is one. It costs 64 MB and a third of a second: whoever has it made is proved before, by a trip of
 * its own, which holds no transaction open meanwhile.
 */
const hashed = async (scope: Scope, id: string, password: string | null | undefined, { users, passwords }: Hashing) => {
  if (typeof password !== 'string') return password
  await users.get({ ...scope, unit: undefined }, id)
  return passwords.hash(password)
}

export const userRoutes = [
  route({
    method: 'post',
    path: '/users',
    summary: 'Create a user',
    role: 'admin',
    body: UserCreate,
    returns: User,
    status: 201,
    handle: async ({ body, scope, now }, deps) => {
      const { id = newId('usr'), email, name = null, role, status, password } = body
      const asking = atLeast(scope, role)
      const password_hash = (await hashed(asking, id, password, deps)) ?? null
      const row = { id, email, name, role, status, password_hash, at: now }
      return made('a user with this id or e-mail address,', email, await deps.users.create(asking, row))
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
    handle: async ({ params, body, scope, ifMatch, now }, deps) => {
      const { password, ...patch } = body
      const asking = atLeast(scope, body.role ?? 'admin')
      const password_hash = await hashed(asking, params.id, password, deps)
      const change = (password_hash === undefined ? patch : { ...patch, password_hash }) as UserChange
      return found('user', params.id, await deps.users.update(asking, params.id, change, now, ifMatch))
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
