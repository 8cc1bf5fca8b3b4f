import type { Kept } from '../db/idempotency.ts'
import { stringify } from '../json.ts'
import type { Page, Row } from '../record.ts'
import type { Cursors } from './cursor.ts'
import type { Answer, Put, Reply, Route } from './route.ts'

type Asked = { path: () => string; binding: string; ifNoneMatch: string | undefined }

const isRow = (answer: object): answer is Row<unknown> => 'json' in answer && 'version' in answer
const isPut = (answer: object): answer is Put<unknown> => 'row' in answer && 'created' in answer
const isPage = (answer: object): answer is Page<unknown> => 'items' in answer && 'next' in answer
const isRows = (answer: object): answer is { rows: Row<unknown>[] } => 'rows' in answer
const isReply = (answer: object): answer is { reply: Reply } => 'reply' in answer

const isStream = (answer: object): answer is { stream: AsyncIterable<string>; type: string } => 'stream' in answer

const itemsOf = (rows: readonly Row<unknown>[]) => `"items":[${rows.map(row => row.json).join()}]`

/**
 * Makes the response of what a handler returned. A row's text goes out as it is, its version as ETag (304 when the caller
 * has it); a page gets its signed cursor; nothing is a 204.
 */
export const render = (
  answer: Answer<unknown>,
  route: Route,
  cursors: Cursors,
  asked: Asked,
): Kept & { stream?: AsyncIterable<string> } => {
  if (answer === undefined) return { status: 204, headers: {}, body: '' }
  const status = route.status ?? 200
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (typeof answer !== 'object' || answer === null) return { status, headers, body: stringify(answer) }
  if (isStream(answer)) return { status, headers: { 'content-type': answer.type }, body: '', stream: answer.stream }
  if (isReply(answer)) return { status: answer.reply.status ?? 200, headers: answer.reply.headers ?? headers, body: answer.reply.body }
  if (isRow(answer)) return rowAnswer(answer, route, status, headers, asked)
  if (isPut(answer)) {
    const { row, created } = answer
    const place = created ? { location: asked.path() } : {}
    return { status: created ? 201 : 200, headers: { ...headers, etag: `"${row.version}"`, ...place }, body: row.json }
  }
  if (isPage(answer)) {
    const cursor = answer.next === undefined ? 'null' : `"${cursors.seal(answer.next, asked.binding)}"`
    return { status, headers, body: `{${itemsOf(answer.items)},"next_cursor":${cursor}}` }
  }
  if (isRows(answer)) {
    if (status === 201) headers.location = asked.path()
    return { status, headers, body: `{${itemsOf(answer.rows)}}` }
  }
  return { status, headers, body: stringify(answer) }
}

const rowAnswer = (row: Row<unknown>, { method }: Route, status: number, headers: Record<string, string>, asked: Asked): Kept => {
  const etag = `"${row.version}"`
  if (method === 'get' && matches(asked.ifNoneMatch, etag)) return { status: 304, headers: { etag }, body: '' }
  const place = status === 201 ? { location: `${asked.path()}/${encodeURIComponent(row.id)}` } : {}
  return { status, headers: { ...headers, etag, ...place }, body: row.json }
}

const matches = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some(one => one.trim().replace(/^W\//, '') === etag))
