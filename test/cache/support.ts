import { afterAll, afterEach, beforeAll } from 'vitest'
import type { Cache, CacheOptions } from '../../shared/cache/cache.ts'
import { text } from '../../shared/cache/codecs.ts'
import { openRedis, type Patience, type Redis } from '../../shared/cache/redis.ts'
import { makeCache } from '../../shared/cache/tiers.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { type Metrics, makeMetrics } from '../../shared/observe/metrics.ts'
import { ADMIN_KEY } from '../support/database.ts'
import { type Bridge, startBridge } from '../support/redis.bridge.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

/** A real redis-server behind a bridge, for a test file; undefined where there is none, and its tests are skipped. */
export type Stand = {
  server: RedisServer
  bridge: Bridge
  /** The real client, as a process opens it. */
  open(patience?: Patience): Promise<{ redis: Redis; metrics: Metrics; log: string[] }>
  /** A cache as another process would have it. */
  cache<T = string>(options?: Partial<CacheOptions<T>>): Promise<Cache<T>>
}

/** A busy machine must not make a test wait in vain. */
const UNHURRIED = { short: 20_000, long: 20_000 }

export const useRedis = (): Stand => {
  const stand = {} as Stand
  beforeAll(async () => {
    const server = await startRedis()
    if (!server) return
    const bridge = await startBridge(server.port)
    const open = async (patience: Patience = UNHURRIED) => {
      const [log, metrics] = [[] as string[], makeMetrics()]
      const redis = await openRedis(
        bridge,
        ADMIN_KEY,
        makeLog('info', undefined, line => log.push(line)),
        metrics,
        patience,
      )
      return { redis, metrics, log }
    }
    const cache = async <T>(options: Partial<CacheOptions<T>> = {}) => {
      const { redis, metrics } = await open()
      return makeCache(redis, metrics, { ...usual, ...options } as CacheOptions<T>)
    }
    Object.assign(stand, { server, bridge, open, cache })
  })
  afterEach(() => stand.bridge?.become('open'))
  afterAll(async () => {
    await stand.bridge?.close()
    await stand.server?.kill()
  })
  return stand
}

export const usual: CacheOptions<string> = { name: 'test', codec: text, seconds: 60, bytes: 2 ** 24 }

/** A promise, and how to end it. */
export const gate = () => {
  let open = () => {}
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { passed, open }
}

let made = 0
/** A key that no other test uses. */
export const newKey = (): string => `key ${++made}`
