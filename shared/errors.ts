/** Every code that an answer can carry, and its HTTP status (API.md). */
export const statusOf = {
  invalid_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media_type: 415,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal: 500,
  overloaded: 503,
  unavailable: 503,
} as const

export type Code = keyof typeof statusOf

/** One wrong field: `path` as the caller wrote it (`columns/price`), `message` in plain words. */
export type FieldError = { path: string; message: string }

/**
 * The caller's fault, or a state of the service that the caller can wait out: rendered as problem+json with its code.
 * Any other error is ours: logged, answered 500 without detail.
 */
export class Refusal extends Error {
  readonly code: Code
  readonly errors: FieldError[] | undefined
  /** Seconds after which a retry may succeed. */
  readonly retryAfter: number | undefined

  /** Headers that belong to the answer, as Allow to a 405. */
  readonly headers: Record<string, string>

  constructor(
    code: Code,
    detail: string,
    more: { errors?: FieldError[]; retryAfter?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause })
    this.name = 'Refusal'
    this.code = code
    this.errors = more.errors
    this.retryAfter = more.retryAfter
    this.headers = more.headers ?? {}
  }
}

/** The stage or epoch that a statement was sent under is no longer the present one: nothing was done. */
export class EpochMoved extends Refusal {
  constructor(cause?: unknown) {
    super('unavailable', 'the collection is changing its stage', { retryAfter: 1, cause })
  }
}

/** The connection was lost before the answer: whether the change was made is not known. */
export class OutcomeUnknown extends Refusal {
  constructor(cause?: unknown) {
    super('unavailable', 'the outcome is unknown: the connection to the database was lost before its answer', { retryAfter: 1, cause })
  }
}

/** A 400 that names one field. */
export const invalid = (path: string, message: string): Refusal =>
  new Refusal('invalid_request', `${path}: ${message}`, { errors: [{ path, message }] })
