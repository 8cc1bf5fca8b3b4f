import type { Key } from './record.ts'

export type Place = { key: Key; id: string }

/** Ids in the order of their keys, each of which is there once. */
export type Order = {
  insert(place: Place): void
  remove(key: Key): void
  /** Every place behind `after` (all of them without it), upwards or downwards. */
  walk(way: 'up' | 'down', after: Key | undefined): IterableIterator<Place>
}

/** So many are put in their places one by one; more are sorted with the rest. */
const FEW = 20

/**
 * An array that goes up: what is made last belongs at its end, where nothing needs to move. What belongs before its end waits in
 * no order until somebody looks, so that a fill sorts once, in whatever order it comes.
 */
export const makeOrder = (compare: (a: Key, b: Key) => number): Order => {
  let sorted: Place[] = []
  let fresh: Place[] = []

  /** Where a key stands, or would stand. */
  const placeOf = (key: Key): number => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(sorted[middle]?.key as Key, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
  const settle = (): void => {
    if (fresh.length > FEW) sorted = [...sorted, ...fresh].sort((a, b) => compare(a.key, b.key))
    else for (const place of fresh) sorted.splice(placeOf(place.key), 0, place)
    fresh = []
  }
  const startOf = (way: 'up' | 'down', after: Key | undefined): number => {
    if (after === undefined) return way === 'up' ? 0 : sorted.length - 1
    const at = placeOf(after)
    if (way === 'down') return at - 1
    const there = sorted[at]
    return there && compare(there.key, after) === 0 ? at + 1 : at
  }

  return {
    insert: place => {
      const last = sorted.at(-1)
      if (last === undefined || compare(last.key, place.key) < 0) sorted.push(place)
      else fresh.push(place)
    },
    remove: key => {
      settle()
      sorted.splice(placeOf(key), 1)
    },
    walk: function* (way, after) {
      settle()
      const step = way === 'up' ? 1 : -1
      for (let at = startOf(way, after); at >= 0 && at < sorted.length; at += step) yield sorted[at] as Place
    },
  }
}

/** Compares sort keys part by part, each by its UTF-8 bytes, as Postgres does under the "C" collation. */
export const compareKeys = (a: Key, b: Key): number => {
  for (const [i, part] of a.entries()) {
    const other = b[i] as string
    if (part !== other) return Buffer.compare(Buffer.from(part), Buffer.from(other))
  }
  return 0
}
