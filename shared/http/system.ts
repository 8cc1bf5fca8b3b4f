import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { Refusal } from '../errors.ts'
import { openApi } from './openapi.ts'
import { type HttpFunction, type Route, routesOf } from './route.ts'

const Health = z.object({ status: z.literal('ok') })

const route = routesOf<{ db: Database; describe: () => Promise<unknown> }>()

const declarations = [
  route({
    method: 'get',
    path: '/health/live',
    summary: 'Whether the process answers',
    role: 'public',
    returns: Health,
    handle: () => ({ status: 'ok' as const }),
  }),
  route({
    method: 'get',
    path: '/health/ready',
    summary: 'Whether the database answers too',
    role: 'public',
    returns: Health,
    handle: async (_, { db }) => {
      if (!(await db.ready())) throw new Refusal('unavailable', 'the database does not answer', { retryAfter: 1 })
      return { status: 'ok' as const }
    },
  }),
  route({
    method: 'get',
    path: '/openapi.json',
    summary: 'This description',
    role: 'public',
    returns: z.looseObject({}),
    handle: async (_, { describe }) => ({ reply: { body: JSON.stringify(await describe()) } }),
  }),
]

/**
 * A function with what every function has beside its own routes: health, and an OpenAPI document of itself
 * (or of everything, where `describe` says so: the gateway).
 */
export const withSystemRoutes = (
  name: string,
  routes: Route[],
  db: Database,
  describe = async (itself: HttpFunction): Promise<unknown> => openApi(`AgentHub ${name}`, [itself]),
): HttpFunction => {
  const itself: HttpFunction = { name, routes }
  const deps = { db, describe: () => describe(itself) }
  itself.routes = [...routes, ...declarations.map(declared => declared(deps))]
  return itself
}
