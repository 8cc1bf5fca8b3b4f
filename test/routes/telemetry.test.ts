import { afterAll, beforeAll, expect, test } from 'vitest'
import { tenantHash } from '../../shared/observe/trace.ts'
import { type Google, startGoogle } from '../support/google.ts'
import { type Running, run } from '../support/http.ts'

let google: Google
let app: Running
let organization: Awaited<ReturnType<Running['organization']>>
beforeAll(async () => {
  google = await startGoogle()
  const { GCE_METADATA_HOST = '' } = google.environment
  const resource = 'cloud.region=europe-west1,deployment.environment.name=test'
  app = await run({
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: `http://${GCE_METADATA_HOST}/`, OTEL_RESOURCE_ATTRIBUTES: resource, OTEL_TRACES_SAMPLER_ARG: '0' },
    ...{ GCE_METADATA_HOST, GOOGLE_CLOUD_PROJECT: 'p', MIGRATION_INITIAL_STAGE: 'off', LOG_LEVEL: 'warning' },
  })
  organization = await app.organization()
})
afterAll(() => google.stop())

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

/** A list of { key, value } as an object. */
const plain = (attributes: { key: string; value: Record<string, unknown> }[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
const metricsText = async () => (await app.admin('GET', '/metrics')).text

test('the age of each report is a metric once it was refreshed', async () => {
  expect(await metricsText()).not.toMatch(/^report_age_seconds\{/m)
  await app.admin('POST', '/jobs/refresh-reports')
  const text = await metricsText()
  expect(text).toMatch(/^report_age_seconds\{[^}]*report="revenue"[^}]*\} \d/m)
  expect(text).toMatch(/^job_duration_seconds_count\{[^}]*job="refresh-reports",outcome="succeeded"[^}]*\} 1/m)
})

test('a collection that leaves memory tells how its two stores agree; one that stays in memory compares nothing', async () => {
  const counters = '/migration/collections/counters'
  await organization.call('POST', '/agents/counters/c/increment')
  for (const stage of ['dualwrite', 'shadow']) {
    if (stage === 'shadow') await app.admin('POST', `${counters}/verify`)
    const { epoch } = (await app.admin('GET', counters)).body
    const { status, body } = await app.admin('POST', `${counters}/stage`, { stage, expected_epoch: epoch })
    expect([status, body.stage]).toEqual([200, stage])
  }
  await organization.call('GET', '/agents/counters/c')
  const text = await metricsText()
  expect(text).toMatch(/^migration_agreement\{[^}]*collection="counters"[^}]*\} 1$/m)
  expect(text).toMatch(/^migration_mismatches\{[^}]*collection="counters"[^}]*\} 0$/m)
  expect(text).not.toMatch(/^migration_agreement\{[^}]*collection="agents"/m)
})

test('a request that its caller samples is traced with its statements, and its organization as a hash', async () => {
  const { id, call } = organization
  await call('GET', '/audit/events', undefined, { traceparent: `00-${TRACE}-${PARENT}-01` })
  await call('GET', '/audit/events?limit=1', undefined, { traceparent: `00-${TRACE}-${PARENT}-00` })
  await call('GET', '/audit/events?limit=2')
  await app.stop() // what is left is sent as the process ends
  const [sent, ...more] = google.telemetry.filter(({ path }) => path === '/v1/traces')
  expect(more).toEqual([])
  const [{ resource, scopeSpans }] = sent?.body.resourceSpans ?? []
  expect(plain(resource.attributes)).toMatchObject({
    'service.name': 'agenthub-gateway',
    'gcp.project_id': 'p',
    'cloud.region': 'europe-west1',
  })
  const [query, request, ...others] = scopeSpans[0].spans
  expect(others).toEqual([])
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, name: 'get /audit/events', kind: 2 })
  expect(query).toMatchObject({ traceId: TRACE, parentSpanId: request.spanId, name: 'audit.list', kind: 3 })
  for (const span of [query, request]) {
    expect(plain(span.attributes)['tenant.hash']).toBe(tenantHash(id))
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThan(BigInt(span.startTimeUnixNano))
  }
  expect(JSON.stringify(sent)).not.toContain(id)
})

test('metrics are sent whole as the process ends: requests by route, queries by statement, the pool', () => {
  const { body } = google.telemetry.find(({ path }) => path === '/v1/metrics') ?? {}
  const metrics = new Map(body.resourceMetrics[0].scopeMetrics[0].metrics.map((metric: { name: string }) => [metric.name, metric]))
  const points = (name: string) =>
    (metrics.get(name) as { histogram: { dataPoints: { attributes: Parameters<typeof plain>[0] }[] } }).histogram.dataPoints
  const routes = points('http_request_duration_seconds').map(({ attributes }) => plain(attributes).route)
  expect(routes).toEqual(expect.arrayContaining(['get /audit/events', 'post /jobs/refresh-reports']))
  expect(points('db_query_duration_seconds').map(({ attributes }) => plain(attributes).statement)).toContain('audit.list')
  expect([...metrics.keys()]).toEqual(
    expect.arrayContaining(['db_pool_in_use', 'db_pool_waiting', 'migration_agreement', 'report_age_seconds']),
  )
})
