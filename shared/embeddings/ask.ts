import type { z } from 'zod'
import { Refusal } from '../errors.ts'
import { unit } from './vector.ts'

/** How a provider is asked: with what patience, and what passes the time (tests hand in their own). */
export type Patience = {
  /** Milliseconds that one call may take. */
  timeout: number
  /** Calls until it is given up. */
  attempts: number
  /** Milliseconds before the second call; each further one waits twice as long, give or take. */
  pause: number
  sleep: (milliseconds: number) => Promise<void>
  random: () => number
}

export const patience: Patience = {
  timeout: 20_000,
  attempts: 4,
  pause: 250,
  sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  random: Math.random,
}

/** A provider that asks for more than this (ms) is not waited for. */
const LONGEST_PAUSE = 10_000

/** What may pass: a limit, a time-out, a fault of theirs. */
const passes = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500
/** What is wrong with what was asked, and with nothing else. */
const faults = [400, 413, 422]

/** `to` tells where to and in whose name: it may have to ask for that, and its failures pass like the call's. */
type Call = { to: () => Promise<{ url: string; headers: Record<string, string> }>; body: object }
type Outcome<T> = { answer: T } | { error: Refusal; after: number | undefined }

/**
 * POSTs JSON and reads JSON of a shape. Limits (429), faults of theirs (5xx), time-outs, lost connections and broken answers are tried
 * again, after what Retry-After asks for or a pause that grows, with jitter. Throws Refusal unavailable when it is given up or cannot
 * help, and invalid_request where the provider refuses what it was asked (400, 413, 422): the text is to blame, not the provider.
 */
export const ask = async <T>(call: Call, shape: z.ZodType<T>, who: string, options: Patience = patience): Promise<T> => {
  const { attempts, pause, sleep, random } = options
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(call, shape, who, options.timeout)
    if ('answer' in outcome) return outcome.answer
    const { error, after } = outcome
    const wait = after ?? (pause * 2 ** (attempt - 1) * (1 + random())) / 2
    if (attempt >= attempts || wait > LONGEST_PAUSE) throw error
    await sleep(wait)
  }
}

const once = async <T>({ to, body }: Call, shape: z.ZodType<T>, who: string, timeout: number): Promise<Outcome<T>> => {
  let response: Response
  let text: string
  try {
    const { url, headers } = await to()
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    })
    text = await response.text()
  } catch (cause) {
    return again(unavailable(`${who} cannot be reached`, cause))
  }
  if (response.ok) return read(text, shape, who)
  const error = unavailable(`${who} answered ${response.status}`, new Error(text.slice(0, 500)))
  if (passes(response.status)) return again(error, millisecondsOf(response.headers.get('retry-after')))
  if (faults.includes(response.status))
    throw new Refusal('invalid_request', `${who} refuses the text (${response.status})`, { cause: error.cause })
  throw error
}

/** An answer that is cut off is asked for again; one that is whole and of another shape would come again. */
const read = <T>(text: string, shape: z.ZodType<T>, who: string): Outcome<T> => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    return again(unavailable(`${who} broke off its answer`, cause))
  }
  const { success, data, error } = shape.safeParse(json)
  if (!success) throw unavailable(`${who} answered something else than vectors`, error)
  return { answer: data }
}

const again = (error: Refusal, after?: number): { error: Refusal; after: number | undefined } => ({ error, after })

export const unavailable = (detail: string, cause?: unknown): Refusal => new Refusal('unavailable', detail, { retryAfter: 30, cause })

/** A provider's vector as it is searched; it must have as many numbers as were expected, and a direction. */
export const vectorOf = (numbers: readonly number[], expected: number, who: string): Float32Array => {
  if (numbers.length !== expected) throw unavailable(`${who} answered ${numbers.length} numbers for a vector, not ${expected}`)
  const vector = unit(numbers)
  if (vector === undefined) throw unavailable(`${who} answered a vector without direction`)
  return vector
}

/** Retry-After in milliseconds: seconds, or a date. */
const millisecondsOf = (header: string | null): number | undefined => {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : undefined
}
