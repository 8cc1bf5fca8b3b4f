import { LRUCache } from 'lru-cache'
import { type CacheOptions, type Entry, isLater } from './cache.ts'

/** The tier in this process: what was used last, within so many bytes. */
export type ProcessTier<T> = {
  get(key: string): Entry<T> | undefined
  /** Keeps it unless a later version is there. */
  put(key: string, entry: Entry<T>): void
}

/** A time spread by a tenth of itself. */
export const spread = (time: number, random: () => number = Math.random): number => Math.ceil(time * (0.9 + random() / 5))

export const makeProcessTier = <T>({ codec, seconds, bytes }: Omit<CacheOptions<T>, 'name'>): ProcessTier<T> => {
  const entries = new LRUCache<string, Entry<T>>({
    maxSize: bytes,
    sizeCalculation: ({ value }, key) => codec.size(value) + 2 * key.length + 64,
  })
  return {
    get: key => entries.get(key),
    put: (key, entry) => {
      const held = entries.peek(key)
      if (!held || !isLater(held.version, entry.version)) entries.set(key, entry, { ttl: spread(seconds * 1000) })
    },
  }
}
