import { channel } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Refusal } from '../errors.ts'
import { type Json, parseBody } from '../json.ts'

export const MEGABYTE = 1024 * 1024

/** Content-Length of requests whose body headers were hidden from the framework; -1 for a chunked one. */
const announced = new WeakMap<IncomingMessage, number>()
/** The URLs of requests whose path cannot be percent-decoded. */
const hidden = new WeakMap<IncomingMessage, string>()
const servers = new Map<Server, Set<ServerResponse>>()

/** Longer than the 600 s of Google's load balancer, so that it is never we who close a connection that it is about to use. */
const KEEP_ALIVE_MS = 620_000

/**
 * Keeps functions-framework from reading bodies: it would take 1 GB into memory, round large integers and answer broken JSON
 * with HTML. Its parsers skip a request that announces no body, so the announcement is taken away before they look;
 * readBody then reads the untouched stream. A path that cannot be decoded, which it would answer with HTML and a stack trace,
 * is hidden too; urlOf tells it. Also collects the servers of this process and the responses that they owe, for the drain.
 */
export const takeOverBodies = (): ReadonlyMap<Server, ReadonlySet<ServerResponse>> => {
  if (!channel('http.server.request.start').hasSubscribers) channel('http.server.request.start').subscribe(onRequest)
  return servers
}

const onRequest = (message: unknown): void => {
  const { request, response, server } = message as { request: IncomingMessage; response: ServerResponse; server: Server }
  server.keepAliveTimeout = KEEP_ALIVE_MS
  const owed = servers.get(server) ?? new Set()
  servers.set(server, owed.add(response))
  response.once('close', () => owed.delete(response))
  const { headers, url = '/' } = request
  if (!isDecodable(url)) {
    hidden.set(request, url)
    request.url = '/'
  }
  const length = headers['content-length']
  if (headers['transfer-encoding'] !== undefined) announced.set(request, -1)
  else if (length !== undefined) announced.set(request, Number(length))
  else return
  delete headers['content-length']
  delete headers['transfer-encoding']
}

const isDecodable = (url: string): boolean => {
  try {
    decodeURIComponent(url.split('?', 1)[0] as string)
    return true
  } catch {
    return false
  }
}

/** The URL of a request as it was sent. */
export const urlOf = (request: IncomingMessage): string => hidden.get(request) ?? request.url ?? '/'

/** What a caller who is not proved yet may have us hold, in bytes: 500 such requests at once take 32 MB. */
const HELD_UNPROVED = 64 * 1024

/** Whether a request announces a body that only a proved caller may send: a large one, or one of which nobody knows. */
export const isLarge = (request: IncomingMessage): boolean => {
  const length = announced.get(request) ?? 0
  return length < 0 || length > HELD_UNPROVED
}

/** The bytes of a request's body as they come. Throws too_large once `limit` bytes are announced or have come. */
export async function* chunksOf(request: IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  const length = announced.get(request)
  if (length === undefined) return
  if (length > limit) throw tooLarge(limit)
  let size = 0
  // A refusal in the middle must still reach the caller: leaving the loop does not end the connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw tooLarge(limit)
    yield chunk
  }
}

/** The bytes of a request's body. */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of chunksOf(request, limit)) chunks.push(chunk)
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

const tooLarge = (limit: number) => new Refusal('too_large', `the body is larger than ${limit / MEGABYTE} MB`)

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A body as JSON: undefined when there is none. Throws unsupported_media_type, or invalid_request for what is no JSON. */
export const jsonOf = (bytes: Buffer, contentType: string | undefined): Json | undefined => {
  if (bytes.length === 0) return undefined
  if (contentType !== undefined && !/^application\/([\w.-]+\+)?json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(contentType))
    throw new Refusal('unsupported_media_type', 'send the body as application/json in UTF-8')
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw new Refusal('invalid_request', 'the body is not valid UTF-8', { cause })
  }
  return parseBody(text)
}
