import type { Metrics } from '../observe/metrics.ts'
import type { CacheOptions, Entry } from './cache.ts'
import { makeProcessTier } from './process.ts'

/**
 * Copies, in this process alone, of what Postgres is asked for at every use all the same, because the trip that authenticates also
 * reads: told the version of the copy, it answers the value only where that is another one. As exact as an ETag.
 */
export type Copies<T> = {
  /** What `find` finds, undefined if nothing. It is told a version ('0': there is no copy), and leaves out the value of just that one. */
  current(key: string, find: (version: string) => Promise<Found<T> | undefined>): Promise<Entry<T> | undefined>
}

export type Found<T> = { readonly version: string; readonly value: T | null }

export const makeCopies = <T>(metrics: Metrics, options: CacheOptions<T>): Copies<T> => {
  const tier = makeProcessTier(options)
  return {
    current: async (key, find) => {
      const copy = tier.get(key)
      const found = await find(copy?.version ?? '0')
      metrics.cache(options.name, 'process', found?.value === null ? 'hit' : 'miss')
      if (!found || found.value === null) return found && copy
      const entry = { version: found.version, value: found.value }
      tier.put(key, entry)
      return entry
    },
  }
}
