/** What a tier holds. `version` is decimal digits, larger means later; what never changes has version 0. */
export type Entry<T> = { readonly version: string; readonly value: T }

/**
 * Named values in front of Postgres, in this process and, where it is configured, in Redis behind it. Nothing in it decides who may
 * read: whoever asks has been let through by Postgres, and says the least version that it will take. A tier that fails is empty.
 */
export type Cache<T> = {
  /**
   * The value at version `least` or later. Where no tier has it, it is loaded once, whoever asks, here and in other processes; what
   * is loaded never replaces a later version. When loading fails for no fault of the caller's, an older version answers, if there is one.
   */
  get(key: string, least: string, load: () => Promise<Entry<T>>): Promise<T>
  /** As many values as keys, undefined where there is none. At most one request to Redis. Values are shared: not to be changed. */
  many(keys: readonly string[]): Promise<(T | undefined)[]>
  /** Keeps values in both tiers, each unless a later version is there. Resolves when they are, or cannot be, in Redis. */
  keep(entries: readonly (readonly [key: string, value: T])[], version?: string): Promise<void>
}

/** How a value is written down in Redis: as text of whole characters. `size` is about how many bytes it takes in this process. */
export type Codec<T> = { encode(value: T): string; decode(text: string): T; size(value: T): number }

export type CacheOptions<T> = {
  /** The first part of its keys in Redis, and its label in the metrics. */
  name: string
  codec: Codec<T>
  /** How long a value is kept at most, so that what nobody asks for goes; spread by a tenth, so that what came together goes apart. */
  seconds: number
  /** What it may take in this process. */
  bytes: number
}

/** Whether version `a` is later than `b`. */
export const isLater = (a: string, b: string): boolean => a.length > b.length || (a.length === b.length && a > b)
