import type { Config } from '../config.ts'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'

const WINDOW_MS = 60_000
const REDIS_TIMEOUT_MS = 50

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

/** Counts in Upstash, so that all instances share a limit; in this process while Redis does not answer within 50 ms. */
export const countInRedis = async (redis: NonNullable<Config['redis']>, log: Log): Promise<Counter> => {
  const { Redis } = await import('@upstash/redis')
  const client = new Redis({ ...redis, retry: false, enableTelemetry: false, signal: () => AbortSignal.timeout(REDIS_TIMEOUT_MS) })
  const fallback = countInProcess()
  return async (key, now) => {
    const name = `rate:${key}:${Math.floor(now / WINDOW_MS)}`
    try {
      const [count] = await client.pipeline().incr(name).expire(name, 120).exec<[number, number]>()
      return count
    } catch (error) {
      log('warning', 'the rate limit is counted in this process: Redis does not answer', { error })
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
