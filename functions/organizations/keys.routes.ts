import { atLeast } from '../../shared/db/scope.ts'
import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { withField } from '../../shared/record.ts'
import { Ref } from '../../shared/shapes.ts'
import { newKey } from './found.ts'
import { ApiKey, ApiKeyCreate, NewApiKey } from './schema.ts'
import type { KeyStore } from './store.ts'

const route = routesOf<{ keys: KeyStore }>()

export const keyRoutes = [
  route({
    method: 'post',
    path: '/api-keys',
    summary: 'Create an API key; its secret is shown in this answer only',
    role: 'admin',
    body: ApiKeyCreate,
    returns: NewApiKey,
    status: 201,
    secret: true,
    handle: async ({ body, scope, now }, { keys }) => {
      const { row, secret } = newKey(scope.organization_id, body.name, body.role, body.expires_at ?? null, now)
      return withField(await keys.create(atLeast(scope, body.role), row), 'secret', secret)
    },
  }),
  route({
    method: 'get',
    path: '/api-keys',
    summary: 'List API keys, newest first, without their secrets',
    role: 'admin',
    lists: ApiKey,
    handle: ({ scope, slice }, { keys }) => keys.list(scope, slice),
  }),
  route({
    method: 'delete',
    path: '/api-keys/:id',
    summary: 'Revoke an API key: its next use answers 401',
    role: 'admin',
    params: Ref,
    handle: async ({ params, scope, now }, { keys }) => {
      found('API key in use,', params.id, await keys.revoke(scope, params.id, now))
    },
  }),
]
