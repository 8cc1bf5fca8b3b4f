/** Few values each, else there is no end of points. */
export type Labels = Record<string, string | number>

/** `counts` has one more than there are bounds, for what is above the last; each value is in the first bound that it does not exceed. */
export type Spread = { labels: Labels; counts: number[]; count: number; sum: number }
export type Value = { labels: Labels; value: number }

/** A metric as it stands. Counters and histograms have grown since the process began. */
export type Metric = { name: string; description: string } & (
  | { kind: 'histogram'; bounds: readonly number[]; points: Spread[] }
  | { kind: 'counter' | 'gauge'; points: Value[] }
)

/** Milliseconds since 1970 at which counting began and ended. */
export type Collected = { since: number; until: number; metrics: Metric[] }

/** What is measured under each combination of labels, made by `first` where it is new. */
const pointsBy = <P>(first: (labels: Labels) => P) => {
  const points = new Map<string, P>()
  return {
    of: (labels: Labels): P => {
      const key = Object.values(labels).join('\n')
      const known = points.get(key)
      if (known) return known
      const point = first(labels)
      points.set(key, point)
      return point
    },
    all: () => [...points.values()],
  }
}

/** Values of a kind, by what they are labelled, each counted beside the bounds. */
export const histogramOf = (name: string, description: string, bounds: readonly number[]) => {
  const { of, all } = pointsBy<Spread>(labels => ({ labels, counts: Array(bounds.length + 1).fill(0), count: 0, sum: 0 }))
  return {
    record: (value: number, labels: Labels): void => {
      const point = of(labels)
      let bound = 0
      while (bound < bounds.length && value > (bounds[bound] as number)) bound++
      ;(point.counts[bound] as number)++
      point.count++
      point.sum += value
    },
    read: (): Metric => ({
      name,
      description,
      kind: 'histogram',
      bounds,
      points: all().map(point => ({ ...point, counts: [...point.counts] })),
    }),
  }
}

/** What only grows, by what it is labelled. */
export const counterOf = (name: string, description: string) => {
  const { of, all } = pointsBy<Value>(labels => ({ labels, value: 0 }))
  return {
    add: (count: number, labels: Labels): void => {
      of(labels).value += count
    },
    read: (): Metric => ({ name, description, kind: 'counter', points: all().map(point => ({ ...point })) }),
  }
}
