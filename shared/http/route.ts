import type { IncomingHttpHeaders } from 'node:http'
import type { z } from 'zod'
import type { Scope } from '../db/scope.ts'
import type { Page, Row, Slice } from '../record.ts'
import type { Role } from '../roles.ts'

/** Who may call: anybody, the platform (admin key or allowed service account), or a tenant's caller of at least a role. */
export type Access = 'public' | 'platform' | Role

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete'

type Shape = z.ZodType
type Output<S> = S extends Shape ? z.output<S> : undefined

/** What a handler is given. Ids and times are made here, so that a store invents nothing. */
export type Input<P, Q, B> = {
  params: Output<P>
  query: Output<Q>
  body: Output<B>
  /** For stores: the organization, the credential, the request. */
  scope: Scope
  /** The version that the caller believes the record to have (If-Match), or undefined. */
  ifMatch: string | undefined
  /** For routes with `uploads`: the body as it comes, its type without parameters. Bytes beyond the limit throw too_large. */
  upload: Upload
  /** For routes that list: how much, and after what. */
  slice: Slice
  /** The time of the request, ISO 8601. */
  now: string
}

/** A body that is handed over unread, and the headers that came with it. */
export type Upload = { type: string; headers: IncomingHttpHeaders; chunks: AsyncIterable<Buffer> }

/** An answer with headers of its own, or a body that is not JSON. */
export type Reply = { status?: number; headers?: Record<string, string>; body: string }

/** What a PUT made (201) or replaced (200). */
export type Put<T> = { row: Row<T>; created: boolean }

/** What a handler may return for a shape: stored rows go out as the text they are, a stream (of JSON) in pieces as they come. */
export type Answer<T> =
  | Row<T>
  | Put<T>
  | Page<unknown>
  | { rows: Row<unknown>[] }
  | { reply: Reply }
  | { stream: AsyncIterable<string>; type: string }
  | T
  | undefined

/** A route as data: what it takes, what it gives, and the few lines between. */
export type Declaration<D, P, Q, B, R> = {
  method: Method
  /** Segments; `:name` takes one segment, percent-decoded. */
  path: string
  summary: string
  role: Access
  params?: P
  query?: Q
  body?: B
  /** The shape of the answer's body; none is a 204. */
  returns?: R
  /** The shape of a list's items: the route then takes `limit` and `cursor`, in its body where it has one, and answers a page. */
  lists?: Shape
  /** 201 adds `Location`: the route's own path and the new record's id. */
  status?: 200 | 201
  /** The most bytes of a body: 1 MB unless said, 16 MB on routes that take arrays. */
  bodyLimit?: number
  /** The content types of a body that the handler reads by itself, chunk by chunk. */
  uploads?: string[]
  /** A POST that only reads ignores Idempotency-Key. */
  reads?: boolean
  /** Where money moves, a POST without an Idempotency-Key is refused. */
  key?: 'required'
  /** Whether the answer holds a secret: kept for replays, it can be read by the same caller only. */
  secret?: boolean
  handle(input: Input<P, Q, B>, deps: D): Promise<Answer<Output<R>>> | Answer<Output<R>>
}

/** A route whose handler has been given what it needs. */
export type Route = Omit<Declaration<undefined, Shape | undefined, Shape | undefined, Shape | undefined, Shape | undefined>, 'handle'> & {
  handle(input: Input<Shape, Shape, Shape>): Promise<Answer<unknown>> | Answer<unknown>
}

/** A function: its name (the first segment of its paths) and its routes. */
export type HttpFunction = { name: string; routes: Route[] }

/** A function that may still have to be loaded, when it is first asked for. */
export type Served = { name: string; load: () => Promise<HttpFunction> }

/** A function that is there already. */
export const loaded = (itself: HttpFunction): Served => ({ name: itself.name, load: async () => itself })

/** The declaring half: `const route = routesOf<{ agents: AgentStore }>()`. */
export const routesOf =
  <D>() =>
  <
    P extends Shape | undefined = undefined,
    Q extends Shape | undefined = undefined,
    B extends Shape | undefined = undefined,
    R extends Shape | undefined = undefined,
  >(
    declaration: Declaration<D, P, Q, B, R>,
  ): ((deps: D) => Route) =>
  deps =>
    ({ ...declaration, handle: input => declaration.handle(input as Input<P, Q, B>, deps) }) as Route

/** The body limit of routes that take arrays. */
export const MANY = 16 * 1024 * 1024
