import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IsAdmin } from '../adminkey.ts'
import type { Database } from '../db/database.ts'
import { doOnce, type Kept } from '../db/idempotency.ts'
import type { Scope } from '../db/scope.ts'
import { invalid, Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Trace, Traces } from '../observe/trace.ts'
import { render } from './answer.ts'
import { isLarge, MEGABYTE, readBody, takeOverBodies } from './body.ts'
import { PLATFORM, present, sha256, type VerifyIdToken } from './credentials.ts'
import type { Cursors } from './cursor.ts'
import { direct } from './direct.ts'
import { withoutDomains } from './domain.ts'
import { inputOf } from './input.ts'
import { type Match, makeRouter } from './match.ts'
import { problemOf } from './problem.ts'
import { type Counter, takeRate } from './ratelimit.ts'
import { type Request, readRequest } from './request.ts'
import type { Route, Served } from './route.ts'
import { openText, sealText } from './seal.ts'
import { begun, sendStream } from './stream.ts'

/** What serving needs beside the functions themselves. */
export type ServeOptions = {
  db: Database
  cursors: Cursors
  isAdmin: IsAdmin
  verifyIdToken: VerifyIdToken
  /** Requests a key may make in a minute; 0 is no limit. */
  rateLimit: number
  count: Counter
  /** Proxies of ours before the function's own. */
  proxies: number
  /** Requests that may be in work at once; one more is answered 503. */
  admitted: number
  log: Log
  metrics: Metrics
  /** Which requests are traced; none without. */
  traces: Traces | undefined
  /** The present time, in milliseconds since 1970. */
  clock: () => number
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>
export type Answered = Kept & { replayed?: boolean; stream?: AsyncIterable<string> }

/**
 * One HTTP handler for one function, or for all of them behind a gateway. A request flows one way: matched, admitted, its
 * caller told, its input checked, handled, rendered. An error is thrown once and rendered once, here.
 */
export const makeServe = (functions: Served[], options: ServeOptions): Handler => {
  takeOverBodies()
  withoutDomains()
  const find = makeRouter(functions)
  const { log, metrics, traces } = options
  let inWork = 0
  metrics.gauge('http_requests_in_work', 'Requests in work', () => inWork)

  return direct(async (raw, response) => {
    const start = performance.now()
    const request = readRequest(raw, options.proxies)
    const spans = traces?.begin(request.traceparent)
    if (spans) request.trace = spans.id
    let label = 'none'
    let answer: Answered
    inWork++
    try {
      const match = await find(request.method, request.path)
      label = `${match.route.method} /${match.name}${match.route.path}`
      if (inWork > options.admitted && match.route.role !== 'public')
        throw new Refusal('overloaded', 'too many requests are in work', { retryAfter: 1 })
      answer = await answerTo(match, label, request, spans, options)
    } catch (error) {
      const severity = error instanceof Refusal ? 'debug' : 'error'
      log(severity, 'a request was not served', { error, route: label, request_id: request.id, trace: request.trace })
      answer = problemOf(error, request.id)
    } finally {
      inWork--
    }
    if (answer.stream) await sendStream(response, answer.stream, headersOf(answer, request.id), log)
    else send(response, answer, request.id)
    metrics.request(label, answer.status, (performance.now() - start) / 1000)
    spans?.end(label, answer.status)
  })
}

const NO_BYTES = Buffer.alloc(0)

/** A request's one way: its caller told, its rate taken, its input checked, its route's answer rendered. */
const answerTo = async (
  match: Match,
  label: string,
  request: Request,
  spans: Trace | undefined,
  options: ServeOptions,
): Promise<Answered> => {
  const { name, route, params } = match
  const { headers } = request.raw
  const now = options.clock()
  const asker = route.role === 'public' ? undefined : await present(request.raw, route.role, options.isAdmin, options.verifyIdToken)
  const rates = asker && options.rateLimit > 0 ? takeRate(await options.count(asker.rateKey, now), options.rateLimit, now) : {}
  const scope: Scope = {
    organization_id: asker?.organization ?? PLATFORM,
    caller: asker?.caller ?? { kind: 'platform', actor: 'anonymous' },
    context: { request_id: request.id, address: request.address },
    trace: request.trace,
    spans,
    route: label,
  }
  if (asker) spans?.tenant(asker.organization)
  // the trip of the work proves the caller as well, but that comes after his body
  if (route.body && asker?.caller.kind === 'token' && isLarge(request.raw)) await options.db.read(scope)
  const bytes = route.body ? await readBody(request.raw, route.bodyLimit ?? MEGABYTE) : NO_BYTES
  const binding = `${scope.organization_id}\n${route.method} ${name}${route.path}`
  const input = {
    ...inputOf(match, request, bytes, cursor => options.cursors.open(cursor, binding)),
    now: new Date(now).toISOString(),
  }
  const asked = { path: () => pathOf(name, route, params), binding, ifNoneMatch: headers['if-none-match'] }
  const work = async (scope: Scope) => render(await route.handle({ ...input, scope }), route, options.cursors, asked)
  const key = keyOf(route, headers['idempotency-key'])
  const answer =
    key === undefined ? await work(scope) : await replayable(`${name}${route.path} ${key}`, route, request, bytes, scope, work, options.db)
  Object.assign(answer.headers, rates)
  return 'stream' in answer && answer.stream ? { ...answer, stream: await begun(answer.stream) } : answer
}

/** A POST with an Idempotency-Key: done once, its answer kept, and replayed byte for byte. */
const replayable = async (
  id: string,
  route: Route,
  request: Request,
  bytes: Buffer,
  scope: Scope,
  work: (scope: Scope) => Promise<Kept>,
  db: Database,
): Promise<Answered> => {
  const credential = route.secret ? request.raw.headers.authorization : undefined
  const seal = (answer: Kept): Kept => (credential === undefined ? answer : { ...answer, body: sealText(answer.body, credential) })
  // another caller's request is another request where he could not read the kept answer
  const hash = sha256(Buffer.concat([Buffer.from(`${request.path}?${request.search}\n${credential ?? ''}\n`), bytes]))
  const kept = await doOnce(
    db,
    scope,
    { id, hash },
    async inner => seal(await work(inner)),
    refusal => seal(problemOf(refusal, request.id)),
  )
  return credential === undefined ? kept : { ...kept, body: openText(kept.body, credential) }
}

const keyOf = (route: Route, header: string | string[] | undefined): string | undefined => {
  if (route.method !== 'post' || route.reads || route.role === 'public') return undefined
  if (header === undefined && route.key === 'required') throw invalid('Idempotency-Key', 'is required here')
  if (header === undefined) return undefined
  if (typeof header !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(header))
    throw invalid('Idempotency-Key', 'must be 1 to 255 printable ASCII characters')
  return header
}

const pathOf = (name: string, route: Route, params: Record<string, string>): string =>
  `/${name}${route.path.replace(/\/$/, '').replace(/:(\w+)/g, (_, param: string) => encodeURIComponent(params[param] as string))}`

const headersOf = ({ headers, replayed }: Answered, requestId: string) => ({
  ...headers,
  ...(replayed ? { 'idempotent-replayed': 'true' } : {}),
  'x-request-id': requestId,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
})

const send = (response: ServerResponse, answer: Answered, requestId: string): void => {
  const { status, body } = answer
  const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headersOf(answer, requestId), ...length })
  response.end(body)
}
