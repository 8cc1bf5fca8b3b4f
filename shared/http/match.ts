import { invalid, Refusal } from '../errors.ts'
import type { Route, Served } from './route.ts'

export type Match = Pattern & { params: Record<string, string> }

/** `reserved` are the segments that no new record's id may be: it could never be reached. */
type Pattern = { name: string; route: Route; segments: string[]; reserved: ReadonlySet<string> }

/** Literal segments win over ids, from the left. */
const byLiterals = (a: Pattern, b: Pattern): number => {
  const at = a.segments.findIndex((segment, i) => segment.startsWith(':') !== b.segments[i]?.startsWith(':'))
  return at === -1 ? 0 : a.segments[at]?.startsWith(':') ? 1 : -1
}

export const segmentsOf = (path: string): string[] => path.split('/').filter(segment => segment !== '')

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw invalid('path', 'is not valid percent-encoded UTF-8')
  }
}

/**
 * Finds the route of a request. With one function its name may be left out of the path; with several it leads.
 * Throws not_found, or method_not_allowed with the methods that the path has.
 */
export const makeRouter = (functions: Served[]): ((method: string, path: string) => Promise<Match>) => {
  const tables = new Map(functions.map(served => [served.name, tableOf(served)]))
  const only = functions.length === 1 ? functions[0]?.name : undefined
  return async (method, path) => {
    const segments = segmentsOf(path)
    const named = tables.get(segments[0] ?? '')
    const table = await (named ?? tables.get(only ?? ''))?.()
    const rest = named ? segments.slice(1) : segments
    const candidates = table?.get(rest.length)?.filter(pattern => fits(pattern.segments, rest)) ?? []
    const found = candidates.find(({ route }) => route.method === method)
    if (found) return { ...found, params: paramsOf(found.segments, rest) }
    if (candidates.length === 0) throw new Refusal('not_found', 'there is no such path')
    const allow = [...new Set(candidates.map(({ route }) => route.method.toUpperCase()))].join(', ')
    throw new Refusal('method_not_allowed', `this path takes ${allow}`, { headers: { allow } })
  }
}

type Table = Map<number, Pattern[]>

/** A function's routes by their number of segments: made once, when they are first asked for. */
const tableOf = ({ name, load }: Served): (() => Promise<Table>) => {
  let table: Promise<Table> | undefined
  return () => {
    table ??= load().then(({ routes }) => tabled(name, routes))
    return table
  }
}

const tabled = (name: string, routes: Route[]): Table => {
  const table: Table = new Map()
  for (const pattern of routes
    .map(route => ({ name, route, segments: segmentsOf(route.path), reserved: reservedIds(name, routes, route) }))
    .sort(byLiterals)) {
    const { length } = pattern.segments
    table.set(length, [...(table.get(length) ?? []), pattern])
  }
  return table
}

const fits = (pattern: string[], segments: string[]): boolean => pattern.every((part, i) => part.startsWith(':') || part === segments[i])

const paramsOf = (pattern: string[], segments: string[]): Record<string, string> => {
  const params: Record<string, string> = {}
  for (const [i, part] of pattern.entries()) if (part.startsWith(':')) params[part.slice(1)] = decode(segments[i] as string)
  return params
}

/** The literal segments that stand where a route's new records have their id, behind its path or at its end: none of them may become one. */
const reservedIds = (name: string, routes: Route[], { method, path }: Route): Set<string> => {
  const segments = segmentsOf(path)
  const before = method === 'put' && segments.at(-1)?.startsWith(':') ? segments.slice(0, -1) : segments
  const depth = before.length
  const below = routes.map(route => segmentsOf(route.path)).filter(segments => before.every((segment, i) => segments[i] === segment))
  const literals = below.map(segments => segments[depth]).filter(segment => segment && !segment.startsWith(':'))
  return new Set([...(literals as string[]), ...(depth === 0 ? [name] : [])])
}
