import { randomUUID } from 'node:crypto'
import { type Redis, RedisFailed } from '../cache/redis.ts'
import { COUNT_ONCE } from '../cache/scripts.ts'
import { Refusal } from '../errors.ts'

const WINDOW_MS = 60_000
/** How long a repetition of one call is known for what it is. */
const MARK_MS = 10_000

/** Counts one use of a key in the present minute and says how many that makes. */
export type Counter = (key: string, now: number) => number | Promise<number>

/** Counts in this process, a fixed window of one minute. */
export const countInProcess = (): Counter => {
  let window = 0
  let counts = new Map<string, number>()
  return (key, now) => {
    const present = Math.floor(now / WINDOW_MS)
    if (present !== window) {
      window = present
      counts = new Map()
    }
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    return count
  }
}

/**
 * Counts in Redis, so that all instances share a limit, each use once however often it arrives; in this process while Redis fails.
 */
export const countInRedis = (redis: Redis): Counter => {
  const fallback = countInProcess()
  return async (key, now) => {
    const name = `${redis.prefix}rate:${key}:${Math.floor(now / WINDOW_MS)}`
    const [keys, kept] = [
      [name, `${name}:${randomUUID()}`],
      [String(2 * WINDOW_MS), String(MARK_MS)],
    ]
    try {
      const [count] = await redis.ask<[number]>(pipeline => pipeline.eval(COUNT_ONCE, keys, kept))
      return count
    } catch (error) {
      if (!(error instanceof RedisFailed)) throw error
      return fallback(key, now)
    }
  }
}

/** The RateLimit headers of a request that makes `used` of `limit` in the present minute; throws rate_limited beyond the limit. */
export const takeRate = (used: number, limit: number, now: number): Record<string, string> => {
  const reset = Math.ceil((WINDOW_MS - (now % WINDOW_MS)) / 1000)
  const headers = {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(Math.max(0, limit - used)),
    'ratelimit-reset': String(reset),
  }
  if (used > limit) throw new Refusal('rate_limited', `more than ${limit} requests a minute`, { retryAfter: reset, headers })
  return headers
}
