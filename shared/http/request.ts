import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { urlOf } from './body.ts'

/** What serving reads of a request before its body. */
export type Request = {
  raw: IncomingMessage
  /** Taken over from `x-request-id`, or made. */
  id: string
  /** W3C's traceparent, and the trace that it names. */
  traceparent: string | undefined
  trace: string | undefined
  /** The address as the first proxy that can be trusted saw it. */
  address: string
  method: string
  path: string
  search: string
}

export const readRequest = (raw: IncomingMessage, proxies: number): Request => {
  const url = urlOf(raw)
  const mark = url.indexOf('?')
  const given = raw.headers['x-request-id']
  const { traceparent } = raw.headers
  const method = (raw.method ?? 'GET').toLowerCase()
  return {
    raw,
    id: typeof given === 'string' && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID(),
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    trace: /^[\da-f]{2}-([\da-f]{32})-/.exec(String(traceparent ?? ''))?.[1],
    address: addressOf(raw, proxies),
    method: method === 'head' ? 'get' : method,
    path: mark === -1 ? url : url.slice(0, mark),
    search: mark === -1 ? '' : url.slice(mark + 1),
  }
}

/** Each proxy adds, at the end, who it heard: before that stands what anybody may have written. */
const addressOf = ({ headers, socket }: IncomingMessage, proxies: number): string => {
  const heard = String(headers['x-forwarded-for'] ?? socket.remoteAddress ?? '').split(',')
  return (heard.at(-1 - proxies) ?? (heard[0] as string)).trim()
}
