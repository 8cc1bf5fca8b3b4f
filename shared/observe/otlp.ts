import type { Collected, Metric } from './instruments.ts'
import type { Span } from './trace.ts'

/** Metrics and spans as OTLP has them in JSON (opentelemetry.io/docs/specs/otlp, of version 1). */
type Values = Record<string, unknown>

const CUMULATIVE = 2
const SPAN_KINDS = { server: 2, client: 3 } as const
const FAILED = 2

const anyValue = (value: unknown) =>
  typeof value !== 'number' ? { stringValue: String(value) } : Number.isInteger(value) ? { intValue: value } : { doubleValue: value }

const attributesOf = (values: Values) => Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))

const scope = { name: 'agenthub' }

/** The body of a request to `/v1/metrics`. */
export const metricsBody = (resource: Values, { since, until, metrics }: Collected): object => {
  const times = { startTimeUnixNano: nanos(since), timeUnixNano: nanos(until) }
  const attributes = attributesOf(resource)
  return {
    resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope, metrics: metrics.map(metric => metricOf(metric, times)) }] }],
  }
}

const metricOf = (metric: Metric, times: Values): object => {
  const { name, description } = metric
  const about = { name, description }
  if (metric.kind === 'histogram') {
    const dataPoints = metric.points.map(({ labels, counts, count, sum }) => ({
      ...times,
      attributes: attributesOf(labels),
      count,
      sum,
      bucketCounts: counts,
      explicitBounds: metric.bounds,
    }))
    return { ...about, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } }
  }
  const dataPoints = metric.points.map(({ labels, value }) => ({ ...times, attributes: attributesOf(labels), asDouble: value }))
  return metric.kind === 'gauge'
    ? { ...about, gauge: { dataPoints } }
    : { ...about, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } }
}

/** The body of a request to `/v1/traces`. */
export const tracesBody = (resource: Values, spans: readonly Span[]): object => ({
  resourceSpans: [{ resource: { attributes: attributesOf(resource) }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] }],
})

const spanOf = ({ trace, id, parent, name, kind, start, duration, failed, attributes }: Span): object => ({
  traceId: trace,
  spanId: id,
  ...(parent === undefined ? {} : { parentSpanId: parent }),
  name,
  kind: SPAN_KINDS[kind],
  startTimeUnixNano: nanos(start),
  endTimeUnixNano: nanos(start + duration),
  attributes: attributesOf(attributes),
  ...(failed ? { status: { code: FAILED } } : {}),
})

/** Nanoseconds since 1970 as text: no double holds them. */
const nanos = (milliseconds: number): string => String(BigInt(Math.round(milliseconds * 1000)) * 1000n)
