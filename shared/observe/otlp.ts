import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
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
export const metricsBody = (resource: Values, { scopeMetrics }: ResourceMetrics): object => ({
  resourceMetrics: [
    {
      resource: { attributes: attributesOf(resource) },
      scopeMetrics: [{ scope, metrics: scopeMetrics.flatMap(({ metrics }) => metrics.map(metricOf)) }],
    },
  ],
})

const metricOf = (metric: MetricData): object => {
  const { name, description, unit } = metric.descriptor
  const about = { name, description, unit }
  const of = ({ attributes, startTime, endTime }: (typeof metric)['dataPoints'][number]) => ({
    attributes: attributesOf(attributes),
    startTimeUnixNano: nanosOf(startTime),
    timeUnixNano: nanosOf(endTime),
  })
  switch (metric.dataPointType) {
    case DataPointType.HISTOGRAM: {
      const dataPoints = metric.dataPoints.map(point => {
        const { buckets, count, sum } = point.value
        return { ...of(point), count, sum, bucketCounts: buckets.counts, explicitBounds: buckets.boundaries }
      })
      return { ...about, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } }
    }
    case DataPointType.SUM: {
      const dataPoints = metric.dataPoints.map(point => ({ ...of(point), asDouble: point.value }))
      return { ...about, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: metric.isMonotonic, dataPoints } }
    }
    case DataPointType.GAUGE:
      return { ...about, gauge: { dataPoints: metric.dataPoints.map(point => ({ ...of(point), asDouble: point.value })) } }
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      throw new Error(`${name}: histograms here have bounds`)
  }
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
const nanosOf = ([seconds, more]: readonly [number, number]): string => String(BigInt(seconds) * 1_000_000_000n + BigInt(more))
const nanos = (milliseconds: number): string => String(BigInt(Math.round(milliseconds * 1000)) * 1000n)
