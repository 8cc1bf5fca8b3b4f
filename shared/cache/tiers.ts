import { Refusal } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import { type Cache, type CacheOptions, type Entry, isLater } from './cache.ts'
import { makeRedisTier, type RedisTier, type Taken } from './far.ts'
import { makeProcessTier } from './process.ts'
import { type Redis, RedisFailed } from './redis.ts'

/** What is wrong with the asker himself is no answer to others who wait for the same value. */
const isAskers = (error: unknown): boolean => error instanceof Refusal && (error.code === 'unauthenticated' || error.code === 'forbidden')

/** Whether loading failed for no fault of who asked: then what is older is better than nothing. */
const isFailure = (error: unknown): boolean => !(error instanceof Refusal) || error.code === 'unavailable' || error.code === 'overloaded'

/** A cache of one or two tiers: this process, and Redis behind it where there is one. */
export const makeCache = <T>(redis: Redis | undefined, metrics: Metrics, options: CacheOptions<T>): Cache<T> => {
  const { name } = options
  const near = makeProcessTier(options)
  const far: RedisTier<T> | undefined = redis && makeRedisTier(redis, options)
  const flights = new Map<string, Promise<T>>()

  /** What Redis says, or `otherwise` when it cannot be asked. */
  const asking = async <R>(answer: Promise<R>, otherwise: R): Promise<R> => {
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof RedisFailed)) throw error
      metrics.cache(name, 'redis', 'error')
      return otherwise
    }
  }

  /** Loads in turn with the other processes, or without them when Redis cannot be asked. */
  const lead = async (key: string, least: string, load: () => Promise<Entry<T>>): Promise<T> => {
    const { entry: held, give }: Taken<T> = far ? await asking(far.take(key, least), { entry: undefined }) : { entry: undefined }
    if (held && !isLater(least, held.version)) {
      metrics.cache(name, 'redis', 'hit')
      near.put(key, held)
      return held.value
    }
    if (far) metrics.cache(name, 'redis', 'miss')
    let loaded: Entry<T> | undefined
    try {
      loaded = await load()
      metrics.cache(name, 'source', 'hit')
      near.put(key, loaded)
      return loaded.value
    } catch (error) {
      const older = near.get(key) ?? held
      if (!older || !isFailure(error)) throw error
      metrics.cache(name, 'source', 'stale')
      return older.value
    } finally {
      if (give) await asking(give(loaded), undefined)
    }
  }

  const get = async (key: string, least: string, load: () => Promise<Entry<T>>): Promise<T> => {
    for (;;) {
      const held = near.get(key)
      if (held && !isLater(least, held.version)) {
        metrics.cache(name, 'process', 'hit')
        return held.value
      }
      metrics.cache(name, 'process', 'miss')
      const id = `${least} ${key}`
      const flight = flights.get(id)
      if (!flight) {
        const mine = lead(key, least, load).finally(() => flights.delete(id))
        flights.set(id, mine)
        return mine
      }
      try {
        return await flight
      } catch (error) {
        if (!isAskers(error)) throw error
      }
    }
  }

  const keep = async (entries: readonly (readonly [string, T])[], version = '0'): Promise<void> => {
    const kept = entries.map(([key, value]) => [key, { version, value }] as const)
    for (const [key, entry] of kept) near.put(key, entry)
    if (far) await asking(far.fill(kept), undefined)
  }

  const many = async (keys: readonly string[]): Promise<(T | undefined)[]> => {
    const found = new Map<string, Entry<T>>()
    for (const key of keys) {
      const entry = near.get(key)
      if (entry) found.set(key, entry)
    }
    const missing = [...new Set(keys.filter(key => !found.has(key)))]
    metrics.cache(name, 'process', 'hit', keys.length - missing.length)
    metrics.cache(name, 'process', 'miss', missing.length)
    if (far && missing.length > 0) {
      const entries = await asking(far.read(missing), [])
      for (const [at, key] of missing.entries()) {
        const entry = entries[at]
        metrics.cache(name, 'redis', entry ? 'hit' : 'miss')
        if (!entry) continue
        near.put(key, entry)
        found.set(key, entry)
      }
    }
    return keys.map(key => found.get(key)?.value)
  }

  return { get, many, keep }
}
