import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { CacheOptions, Entry } from './cache.ts'
import { spread } from './process.ts'
import type { Redis } from './redis.ts'
import { FILL, RELEASE, TAKE } from './scripts.ts'

/** A loader that does not come back in this time is no longer waited for: another one loads as well. */
const LOCK_MS = 3000
/** How often a process that waits for another's load looks again: every 10 ms at first, then ever more seldom. */
const LOOK_MS = { first: 10, most: 160 }
/** The most text of one request: Upstash takes 10 MB, as UTF-8. */
const REQUEST_CHARACTERS = 2 ** 21
/** Fewer keys than this are answered soon. */
const FEW = 20

/** What is known of a key, and whether it is ours to load: then `give` must be called, once, with what was loaded, if it was. */
export type Taken<T> = { entry: Entry<T> | undefined; give?: (loaded: Entry<T> | undefined) => Promise<void> }

/** The tier in Redis. Everything throws RedisFailed. */
export type RedisTier<T> = {
  /** The entry at version `least` or later; or the turn to load it, with an older one where there is one. Waits for who has the turn. */
  take(key: string, least: string): Promise<Taken<T>>
  read(keys: readonly string[]): Promise<(Entry<T> | undefined)[]>
  /** Keeps entries, each unless a later version is there. */
  fill(entries: readonly (readonly [key: string, entry: Entry<T>])[]): Promise<void>
}

type Take = ['held', string] | ['mine', string | null] | ['wait', number]

export const makeRedisTier = <T>(redis: Redis, { name, codec, seconds }: CacheOptions<T>): RedisTier<T> => {
  const named = (key: string) => `${redis.prefix}${name}:${key}`
  const lockOf = (key: string) => `${redis.prefix}${name} lock:${key}`
  const written = ({ version, value }: Entry<T>) => `${version} ${codec.encode(value)}`
  const entryOf = (text: string | null): Entry<T> | undefined => {
    if (text === null) return undefined
    const space = text.indexOf(' ')
    return { version: text.slice(0, space), value: codec.decode(text.slice(space + 1)) }
  }
  const filling = (part: readonly (readonly [key: string, text: string])[]): [string, string[], string[]] => [
    FILL,
    part.map(([key]) => key),
    [String(spread(seconds * 1000)), ...part.map(([, text]) => text)],
  ]
  const give = async (key: string, token: string, loaded: Entry<T> | undefined) => {
    const fill = loaded && filling([[named(key), written(loaded)]])
    await redis.ask(pipeline => (fill ? pipeline.eval(...fill) : pipeline).eval(RELEASE, [lockOf(key)], [token]), 'long')
  }
  const send = (part: readonly (readonly [string, string])[]) => redis.ask(pipeline => pipeline.eval(...filling(part)), 'long')

  return {
    take: async (key, least) => {
      const token = randomUUID()
      const until = performance.now() + LOCK_MS
      for (let pause = LOOK_MS.first; ; pause = Math.min(LOOK_MS.most, pause * 2)) {
        const values = [least, token, String(LOCK_MS)]
        const [[state, what]] = await redis.ask<[Take]>(pipeline => pipeline.eval(TAKE, [named(key), lockOf(key)], values))
        if (state === 'held') return { entry: entryOf(what) }
        if (state === 'mine') return { entry: entryOf(what), give: loaded => give(key, token, loaded) }
        if (performance.now() > until) return { entry: undefined }
        await wait(Math.min(pause * (0.5 + Math.random()), Math.max(1, what)))
      }
    },
    read: async keys => {
      const [texts] = await redis.ask<[(string | null)[]]>(pipeline => pipeline.mget(keys.map(named)), keys.length > FEW ? 'long' : 'short')
      return texts.map(entryOf)
    },
    fill: async entries => {
      let part: [string, string][] = []
      let length = 0
      for (const [key, entry] of entries) {
        const text = written(entry)
        if (part.length > 0 && length + text.length > REQUEST_CHARACTERS) {
          await send(part)
          part = []
          length = 0
        }
        part.push([named(key), text])
        length += text.length
      }
      if (part.length > 0) await send(part)
    },
  }
}
