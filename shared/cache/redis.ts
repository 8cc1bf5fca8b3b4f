import type { Pipeline } from '@upstash/redis'
import type { Config } from '../config.ts'
import { sha256 } from '../http/credentials.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { makeBreaker } from './breaker.ts'

/** Redis did not answer, or not as it should. Says nothing of what it was asked. */
export class RedisFailed extends Error {}

/** Upstash Redis over HTTP. A call is one request, sent once. */
export type Redis = {
  /** What comes before the name of every key: a deployment's own, so that two may share a Redis. */
  readonly prefix: string
  /** Answers of the commands that `build` puts in a pipeline. Throws RedisFailed; at once, while Redis is known to be away. */
  ask<R extends unknown[]>(build: (pipeline: Pipeline<[]>) => Pipeline<[]>, patience?: keyof Patience): Promise<R>
}

/** How long (ms) an answer is awaited: `long` for what is large. */
export type Patience = { short: number; long: number }
const PATIENCE: Patience = { short: 150, long: 2000 }

/** Opens Upstash. All users of it share what is known of its state. */
export const openRedis = async (
  redis: NonNullable<Config['redis']>,
  adminKey: string,
  log: Log,
  metrics: Metrics,
  patience = PATIENCE,
): Promise<Redis> => {
  const { Redis } = await import('@upstash/redis')
  const client = (milliseconds: number) =>
    new Redis({
      ...redis,
      retry: { retries: 0 }, // `false` would still send a second time, and count twice what the first had done
      signal: () => AbortSignal.timeout(milliseconds),
      enableTelemetry: false,
      automaticDeserialization: false, // or '1.0' comes back as 1
      responseEncoding: false, // what we store is text of whole characters: JSON holds it as it is
      readYourWrites: false,
    })
  const clients = { short: client(patience.short), long: client(patience.long) }
  const breaker = makeBreaker()
  metrics.gauge('redis_spared', 'Whether Redis failed and is not asked for a while', () => Number(breaker.isOpen()))

  const failed = (error: unknown): RedisFailed => {
    const reason = reasonOf(error)
    const wasOpen = breaker.isOpen()
    breaker.failed()
    if (!wasOpen) log('warning', breaker.isOpen() ? 'Redis failed, and is not asked for a while' : 'Redis failed', { reason })
    return new RedisFailed(reason)
  }

  return {
    prefix: `ah:${sha256(`redis of ${adminKey}`).toString('base64url').slice(0, 12)}:`,
    ask: async <R extends unknown[]>(build: (pipeline: Pipeline<[]>) => Pipeline<[]>, wait: keyof Patience = 'short') => {
      if (!breaker.allows()) throw new RedisFailed('it is not asked for a while')
      const start = performance.now()
      let outcome: 'ok' | 'error' = 'error'
      try {
        const answers = await build(clients[wait].pipeline()).exec<R>()
        if (breaker.isOpen()) log('info', 'Redis answers again')
        breaker.succeeded()
        outcome = 'ok'
        return answers
      } catch (error) {
        throw failed(error)
      } finally {
        metrics.redis((performance.now() - start) / 1000, outcome)
      }
    },
  }
}

/** The kind of an error: the client's own messages quote what was asked. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  const { code } = (error.cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
