import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { invalid, Refusal } from '../errors.ts'
import { checkText } from '../json.ts'
import type { Slice } from '../record.ts'
import { chunksOf, jsonOf, MEGABYTE } from './body.ts'
import type { Cursors } from './cursor.ts'
import type { Match } from './match.ts'
import { refusalOf } from './problem.ts'
import type { Request } from './request.ts'
import type { Input, Route, Upload } from './route.ts'

/** What every list takes: 1 to 200 records, 50 unless said. */
export const ListQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(4096).optional(),
})

/** The same in the body of a POST that lists. */
export const ListBody = z.object({ limit: z.number().int().min(1).max(200).default(50), cursor: z.string().max(MEGABYTE).optional() })

const NoQuery = z.strictObject({})

/** Checks everything that came with a request against its route. Throws invalid_request that names each wrong field. */
export const inputOf = (
  { route, params, reserved }: Match,
  request: Request,
  bytes: Buffer,
  openCursor: (cursor: string) => ReturnType<Cursors['open']>,
): Omit<Input<z.ZodType, z.ZodType, z.ZodType>, 'scope' | 'now'> => {
  const query = queryOf(request.search)
  const json = route.body && (jsonOf(bytes, request.raw.headers['content-type']) ?? {})
  const inBody = route.lists !== undefined && route.body !== undefined
  const [paging, rest] = route.lists ? apart(inBody ? json : query) : []
  const list = paging && (inBody ? checked(ListBody, paging, 'body') : checked(ListQuery, paging, 'query'))
  const body = route.body && checked(route.body, inBody ? rest : json, 'body')
  refuseReserved(route, params, body, reserved)
  return {
    params: route.params && checked(route.params, params, 'path'),
    query: checked(route.query ?? NoQuery, paging && !inBody ? rest : query, 'query'),
    body,
    ifMatch: ifMatchOf(request.raw.headers['if-match']),
    upload: uploadOf(route, request.raw),
    slice: sliceOf(list, openCursor),
  }
}

/** A list's limit and cursor, and what came beside them. */
const apart = (given: unknown): [paging: object, rest: unknown] => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return [{}, given]
  const { limit, cursor, ...rest } = given as { limit?: unknown; cursor?: unknown }
  return [{ limit, cursor }, rest]
}

const uploadOf = ({ uploads = [], bodyLimit = MEGABYTE }: Route, raw: IncomingMessage): Upload => {
  const type = (raw.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim().toLowerCase() as string
  if (uploads.length > 0 && !uploads.includes(type)) throw new Refusal('unsupported_media_type', `send the body as ${uploads.join(' or ')}`)
  return { type, headers: raw.headers, chunks: chunksOf(raw, bodyLimit) }
}

const checked = <S extends z.ZodType>(schema: S, value: unknown, where: 'path' | 'query' | 'body'): z.output<S> => {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw refusalOf(result.error, where)
}

/** A record whose id is a literal segment of its route could be made but never be reached: alone, one of several, or by the path of a PUT. */
const refuseReserved = ({ method }: Route, params: Record<string, string>, body: unknown, reserved: ReadonlySet<string>): void => {
  if (reserved.size === 0) return
  const refuse = (id: unknown, path: string): void => {
    if (typeof id === 'string' && reserved.has(id)) throw invalid(path, `'${id}' is a word of this path and cannot be an id`)
  }
  if (method === 'put') for (const [name, id] of Object.entries(params).slice(-1)) refuse(id, name)
  for (const [field, value] of Object.entries(body ?? {})) {
    if (field === 'id') refuse(value, 'id')
    if (Array.isArray(value)) for (const [i, one] of value.entries()) refuse((one as { id?: unknown } | null)?.id, `${field}/${i}/id`)
  }
}

const sliceOf = (list: z.output<typeof ListBody> | undefined, openCursor: (cursor: string) => ReturnType<Cursors['open']>): Slice => ({
  limit: list?.limit ?? 0,
  after: list?.cursor === undefined ? undefined : openCursor(list.cursor),
})

const queryOf = (search: string): Record<string, string> => {
  const query: Record<string, string> = {}
  if (search === '') return query
  for (const [name, value] of new URLSearchParams(search)) {
    checkText(name + value, name)
    if (Object.hasOwn(query, name)) throw invalid(name, 'is given more than once')
    Object.defineProperty(query, name, { value, enumerable: true })
  }
  return query
}

/** `"<version>"` is that version, `*` any; an ETag that is none of ours matches nothing. */
const ifMatchOf = (header: string | undefined): string | undefined => {
  if (header === undefined || header.trim() === '*') return undefined
  if (!/^\s*(W\/)?"[^"]*"\s*$/.test(header))
    throw new Refusal('invalid_request', 'If-Match: must be one ETag, as the record was answered with')
  return /^\s*"([0-9]{1,18})"\s*$/.exec(header)?.[1] ?? '0'
}
