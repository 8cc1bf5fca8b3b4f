import { z } from 'zod'
import { type Code, statusOf } from '../../shared/errors.ts'
import type { Operation } from './operations.ts'
import type { Got, Sent } from './raw.ts'

/** What no answer may tell: SQL, names of the database's, our files. */
const INSIDES = /\b(select [\w*($]|insert into|update \w+ set|pg_|sqlstate|zod|node_modules|at .*\.[tj]s:)\b/i

/** What is wrong with a problem, or nothing. */
const problemWith = ({ status, headers, text }: Got): string | undefined => {
  if (headers['content-type'] !== 'application/problem+json') return `is of type ${headers['content-type']}`
  const problem = JSON.parse(text)
  const { type, title, detail, code, request_id, errors } = problem
  if (statusOf[code as Code] !== status || problem.status !== status) return 'has a code of another status'
  if (type !== `urn:agenthub:problem:${code}` || !title || !detail) return 'lacks a field'
  if (request_id !== headers['x-request-id']) return 'has another request id'
  if (errors && !errors.every((one: { path?: unknown; message?: unknown }) => typeof one.path === 'string' && one.message))
    return 'has errors without path or message'
  if (status === 503 && headers['retry-after'] === undefined) return 'says not when to come back'
  return INSIDES.test(detail) ? 'tells of our insides' : undefined
}

/** Numbers are answered with every digit: some are more than a double can tell. */
const finite = (_: string, value: unknown) => (value === Infinity || value === -Infinity ? 0 : value)

const segmentsOf = (path: string): string[] => (path.split('?')[0] as string).split('/').filter(segment => segment !== '')

/** Whether a path may be meant by an operation: what was sent for an id may be nothing, or a word of another path. */
const mayMean = (operation: Operation, { method, path }: Sent): boolean => {
  const [pattern, segments] = [segmentsOf(operation.path), segmentsOf(path)]
  const fits = (part: string, i: number) => part.startsWith('{') || part === segments[i]
  return operation.method === method && pattern.length === segments.length && pattern.every(fits)
}

/**
 * Tells what is wrong with answers: `marks` are those of records that the asker may not see; who is
 * `busy` may answer 503 to anything.
 */
export const makeComplaints = (operations: readonly Operation[], marks: readonly string[], busy: boolean) => {
  const shapes = new Map<string, z.ZodType>()
  const shapeOf = ({ name, answer }: Operation) => {
    const shape = shapes.get(name) ?? z.fromJSONSchema((answer ?? {}) as Parameters<typeof z.fromJSONSchema>[0])
    shapes.set(name, shape)
    return shape
  }
  return (operation: Operation, sent: Sent, got: Got): string | undefined => {
    const { status, headers, text } = got
    // a search may lack vectors, or who makes them
    const due = status === 503 && (busy || operation.path.endsWith('/search'))
    if (status >= 500 && !due) return 'is an error of ours'
    if (headers['x-request-id'] === undefined) return 'has no x-request-id'
    const mark = operation.role === 'platform' ? undefined : marks.find(one => text.includes(one) && !sent.path.includes(one))
    if (mark !== undefined) return `shows a record of another organization (${mark})`
    if (sent.method === 'HEAD') return undefined
    if (status >= 400) return problemWith(got)
    if (status === 202 || status === 304 || !/^application\/json/.test(headers['content-type'] ?? '')) return undefined
    const meant = operations.filter(one => mayMean(one, sent)).map(one => shapeOf(one).safeParse(JSON.parse(text, finite)))
    if (meant.some(({ success }) => success)) return undefined
    return `is not as the document says: ${JSON.stringify(meant[0]?.error?.issues.slice(0, 3))}`
  }
}
