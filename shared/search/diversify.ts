type Ranked = { score: number; words: ReadonlySet<string> }

/** The words of a text, as sets of which two can be compared. */
export const wordsOf = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])

/** Jaccard's similarity: the share of words that two texts have in common, 0 to 1. */
const likeness = (a: ReadonlySet<string>, b: ReadonlySet<string>): number => {
  let common = 0
  for (const word of a.size < b.size ? a : b) if (a.has(word) && b.has(word)) common++
  return common === 0 ? 0 : common / (a.size + b.size - common)
}

/**
 * Picks `limit` of the ranked, one by one: the one with the most of (1 - diversity) score - diversity likeness to what was picked
 * before. Maximal marginal relevance (Carbonell and Goldstein 1998), by words, which every text has.
 */
export const diversify = <T extends Ranked>(ranked: readonly T[], diversity: number, limit: number): T[] => {
  const left = ranked.map(one => ({ one, repeats: 0 }))
  const picked: T[] = []
  while (left.length > 0 && picked.length < limit) {
    const worth = ({ one, repeats }: (typeof left)[number]) => (1 - diversity) * one.score - diversity * repeats
    const best = left.reduce((a, b) => (worth(b) > worth(a) ? b : a))
    left.splice(left.indexOf(best), 1)
    picked.push(best.one)
    for (const other of left) other.repeats = Math.max(other.repeats, likeness(other.one.words, best.one.words))
  }
  return picked
}
