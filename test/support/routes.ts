import type { HttpFunction, Route } from '../../shared/http/route.ts'
import { roles } from '../../shared/roles.ts'

/** The routes that an organization's callers may call, by method and path as declared: `get /agents/:id`. */
export const tenantRoutes = (functions: HttpFunction[]): [string, Route][] =>
  functions.flatMap(({ name, routes }) =>
    routes
      .filter(route => roles.some(role => role === route.role))
      .map((route): [string, Route] => [`${route.method} /${name}${route.path.replace(/\/$/, '')}`, route]),
  )
