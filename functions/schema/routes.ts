import { routesOf } from '../../shared/http/route.ts'
import { Migrated } from './schema.ts'

const route = routesOf<{ bringUp: () => Promise<string[]> }>()

export const schemaRoutes = [
  route({
    method: 'post',
    path: '/migrate',
    summary: 'Apply the migrations that are new, and grant the logins their roles; a second call at the same time waits',
    role: 'platform',
    reads: true, // a migration is safe to repeat, and too long for the transaction of an Idempotency-Key
    returns: Migrated,
    handle: async (_, { bringUp }) => ({ applied: await bringUp() }),
  }),
]
