import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { metricsBody, tracesBody } from './otlp.ts'
import type { Traces } from './trace.ts'

/** Where measurements go, and what is said of the process that made them. */
export type ExportOptions = {
  /** The root of an OTLP endpoint over HTTP, as https://telemetry.googleapis.com. */
  url: string
  resource: Record<string, string>
  token: () => Promise<string>
}

const EVERY_MS = 60_000
const TIMEOUT_MS = 10_000

/**
 * Sends metrics and traces every minute, beside the requests. A minute that could not be sent is told in the log: the next one's metrics
 * contain it, its traces are lost. `stop` sends what is left.
 */
export const startExport = ({ url, resource, token }: ExportOptions, metrics: Metrics, traces: Traces, log: Log) => {
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' }
    const response = await fetch(url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    await response.arrayBuffer()
  }
  const send = async (): Promise<void> => {
    const spans = traces.take()
    const failed = (error: Error) => log('warning', 'measurements could not be sent', { error })
    await post('/v1/metrics', metricsBody(resource, await metrics.collect())).catch(failed)
    if (spans.length > 0) await post('/v1/traces', tracesBody(resource, spans)).catch(failed)
  }
  const timer = setInterval(() => void send(), EVERY_MS).unref()
  return {
    send,
    stop: (): Promise<void> => {
      clearInterval(timer)
      return send()
    },
  }
}
