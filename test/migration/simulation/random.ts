/** Numbers that only look random: the same seed makes the same ones. */
export type Random = {
  /** A whole number from 0 to below `n`. */
  below(n: number): number
  chance(share: number): boolean
  pick<T>(list: readonly T[]): T
  /** One of the names, each as likely as its weight. */
  weighted<K extends string>(weights: readonly (readonly [K, number])[]): K
}

/** mulberry32, after a few steps that tell neighbouring seeds apart. */
export const makeRandom = (seed: number): Random => {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    chance: share => next() < share,
    pick: <T>(list: readonly T[]) => list[below(list.length)] as T,
    weighted: weights => {
      let all = 0
      for (const [, weight] of weights) all += weight
      let left = next() * all
      for (const [name, weight] of weights) {
        left -= weight
        if (left < 0) return name
      }
      return (weights.at(-1) as (typeof weights)[number])[0]
    },
  }
}
