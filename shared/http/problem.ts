import { STATUS_CODES } from 'node:http'
import type { z } from 'zod'
import { type FieldError, Refusal, statusOf } from '../errors.ts'

/** What a client reads of an error (RFC 9457), and its headers. */
export type Problem = { status: number; headers: Record<string, string>; body: string }

/** Renders a refusal. Anything else is ours: `internal`, with no word of what it was. */
export const problemOf = (error: unknown, requestId: string): Problem => {
  const refusal =
    error instanceof Refusal ? error : new Refusal('internal', 'something went wrong on our side; the log has it under this request_id')
  const status = statusOf[refusal.code]
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', ...refusal.headers }
  if (refusal.retryAfter !== undefined || status === 503) headers['retry-after'] = String(refusal.retryAfter ?? 1)
  if (refusal.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer'
  if (refusal.code === 'too_large') headers.connection = 'close'
  const body = JSON.stringify({
    type: `urn:agenthub:problem:${refusal.code}`,
    title: STATUS_CODES[status],
    status,
    detail: refusal.message,
    code: refusal.code,
    request_id: requestId,
    ...(refusal.errors === undefined ? {} : { errors: refusal.errors }),
  })
  return { status, headers, body }
}

/** Zod's complaints as one refusal: a path in slashes and plain words for each, unknown fields by their names. */
export const refusalOf = (error: z.ZodError, where: 'path' | 'query' | 'body'): Refusal => {
  const errors = error.issues.flatMap(fieldErrors)
  const first = errors[0] as FieldError
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : ''
  const at = first.path === '' ? `the ${where}` : `${where}: ${first.path}`
  return new Refusal('invalid_request', `${at}: ${first.message}${more}`.toWellFormed(), { errors })
}

const fieldErrors = (issue: z.core.$ZodIssue): FieldError[] => {
  const path = issue.path.map(String).join('/').toWellFormed()
  if (issue.code === 'invalid_union' && issue.errors.length > 0)
    return nearest(issue.errors).flatMap(inner => fieldErrors({ ...inner, path: [...issue.path, ...inner.path] }))
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map(key => ({ path: (path === '' ? key : `${path}/${key}`).toWellFormed(), message: 'is unknown here' }))
}

/** Of several shapes the one that the value comes nearest to: the fewest complaints, the deepest. */
const nearest = (shapes: z.core.$ZodIssue[][]): z.core.$ZodIssue[] =>
  shapes.reduce((best, one) => (one.length < best.length || (one.length === best.length && depth(one) > depth(best)) ? one : best))

const depth = (issues: z.core.$ZodIssue[]): number => Math.max(...issues.map(({ path }) => path.length))
