import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { urlOf } from './body.ts'

/** What serving reads of a request before its body. */
export type Request = {
  raw: IncomingMessage
  /** Taken over from `x-request-id`, or made. */
  id: string
  /** The trace of W3C's traceparent. */
  trace: string | undefined
  /** The address as the nearest proxy saw it. */
  address: string
  method: string
  path: string
  search: string
}

export const readRequest = (raw: IncomingMessage): Request => {
  const url = urlOf(raw)
  const mark = url.indexOf('?')
  const given = raw.headers['x-request-id']
  const method = (raw.method ?? 'GET').toLowerCase()
  return {
    raw,
    id: typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID(),
    trace: /^[\da-f]{2}-([\da-f]{32})-/.exec(String(raw.headers.traceparent ?? ''))?.[1],
    address:
      String(raw.headers['x-forwarded-for'] ?? raw.socket.remoteAddress ?? '')
        .split(',')
        .at(-1)
        ?.trim() ?? '',
    method: method === 'head' ? 'get' : method,
    path: mark === -1 ? url : url.slice(0, mark),
    search: mark === -1 ? '' : url.slice(mark + 1),
  }
}
