import type { Collected, Labels, Metric, Spread } from './instruments.ts'

/** Metrics as Prometheus reads them (text, version 0.0.4). */
export const prometheusText = ({ metrics }: Collected): string => metrics.map(textOf).join('')

const textOf = (metric: Metric): string => {
  const { kind } = metric
  const name = kind === 'counter' ? `${metric.name}_total` : metric.name
  const lines =
    metric.kind === 'histogram'
      ? metric.points.flatMap(point => spread(name, metric.bounds, point))
      : metric.points.map(({ labels, value }) => line(name, labels, value))
  return [`# HELP ${name} ${metric.description}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n')
}

/** A bucket counts all that is within its bound: what the bounds below it count, too. */
const spread = (name: string, bounds: readonly number[], { labels, counts, count, sum }: Spread): string[] => {
  let within = 0
  const buckets = [...bounds, '+Inf'].map((le, i) => {
    within += counts[i] as number
    return line(`${name}_bucket`, { ...labels, le }, within)
  })
  return [line(`${name}_count`, labels, count), line(`${name}_sum`, labels, sum), ...buckets]
}

const line = (name: string, labels: Labels, value: number): string =>
  `${name}{${Object.entries(labels).map(([key, one]) => `${key}="${escaped(one)}"`)}} ${value}`

const escaped = (value: string | number): string => String(value).replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
