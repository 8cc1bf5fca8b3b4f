import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const refresh = async () => expect((await app.admin('POST', '/jobs/refresh-reports')).status).toBe(200)
const total = async (call: Call, query: string): Promise<number> => {
  const { status, body } = await call('GET', `/analytics/timeseries?${query}`)
  expect(status).toBe(200)
  return body.items.reduce((sum: number, { count }: { count: number }) => sum + count, 0)
}

test('an event is answered as it came, and counts at once', async () => {
  const { call } = await app.organization()
  const sent = { event_id: 'e1', event_type: 'opened', event_data: { n: 1 }, occurred_at: '2026-03-01T10:00:00+02:00' }
  expect((await call('POST', '/analytics/events', sent)).body).toEqual({ accepted: 1, duplicates: 0, rejected: [] })
  expect((await call('POST', '/analytics/events', sent)).body).toEqual({ accepted: 0, duplicates: 1, rejected: [] })
  const { body } = await call('GET', '/analytics/events')
  const event = { id: 'e1', event_type: 'opened', event_data: { n: 1 }, agent_id: null, created_at: '2026-03-01T08:00:00.000Z' }
  expect(body).toEqual({ items: [event], next_cursor: null })
  expect(await total(call, 'interval=day&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z')).toBe(1)
})

test('every digit of an event survives', async () => {
  const { call } = await app.organization()
  await call('POST', '/analytics/events', '{"event_type":"sum","event_data":{"of":12345678901234567890.10}}')
  expect((await call('GET', '/analytics/events')).text).toContain('12345678901234567890.10')
})

test('an event without a time is of now, and one without an id gets one of its own', async () => {
  const { call } = await app.organization()
  const before = Date.now()
  await call('POST', '/analytics/events', { events: [{ event_type: 'a' }, { event_type: 'a' }] })
  const { items } = (await call('GET', '/analytics/events')).body
  expect(new Set(items.map(({ id }: { id: string }) => id)).size).toBe(2)
  for (const { id, created_at, event_data } of items) {
    expect([id, event_data]).toEqual([expect.stringMatching(/^evt_/), {}])
    expect(Date.parse(created_at)).toBeGreaterThanOrEqual(before)
  }
})

test('with an Idempotency-Key a batch without ids counts once, whatever happens to its answer', async () => {
  const { call } = await app.organization()
  const send = () =>
    call('POST', '/analytics/events', { events: [{ event_type: 'a' }, { event_type: 'b' }] }, { 'idempotency-key': 'batch 1' })
  const first = await send()
  const again = await send()
  expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([200, first.text, 'true'])
  expect(await total(call, 'interval=day')).toBe(2)
})

test('of a batch that is partly bad the good ones are accepted, and each bad one is told by its place', async () => {
  const { call } = await app.organization()
  const { body: agent } = await call('POST', '/agents', { name: 'A' })
  const events = [
    { event_type: 'a', agent_id: agent.id },
    { event_type: '' },
    { event_type: 'a', unknown: 1 },
    'nothing',
    { event_type: 'a', agent_id: 'nobody' },
    { event_type: 'a', occurred_at: '1969-12-31T23:59:59Z' },
    { event_type: 'a', occurred_at: '2999-01-01T00:00:00Z' },
    { event_type: 'a', event_id: 'twice' },
    { event_type: 'a', event_id: 'twice' },
    { event_type: 'a', agent_id: null },
  ]
  const { status, body } = await call('POST', '/analytics/events', { events })
  expect([status, body.accepted, body.duplicates]).toEqual([200, 3, 1])
  const told = body.rejected.map(({ index, code, message }: { index: number; code: string; message: string }) => [index, code, message])
  expect(told).toEqual([
    [1, 'invalid_request', expect.stringContaining('event_type')],
    [2, 'invalid_request', expect.stringContaining('unknown')],
    [3, 'invalid_request', expect.any(String)],
    [4, 'invalid_request', 'agent_id: there is no such agent'],
    [5, 'invalid_request', expect.stringContaining('occurred_at')],
    [6, 'invalid_request', expect.stringContaining('occurred_at')],
  ])
  expect((await call('GET', '/analytics/events')).body.items.length).toBe(3)
})

test.each([
  [{ event_type: 7 }, 'event_type'],
  [{ event_type: 'a', agent_id: 'nobody' }, 'agent_id'],
  [{ event_type: 'a', occurred_at: 'yesterday' }, 'occurred_at'],
  [{ event_type: 'a', occurred_at: '1969-01-01T00:00:00Z' }, 'occurred_at'],
  [{ event_type: 'a', event_data: [] }, 'event_data'],
  [{ event_type: 'a', more: 1 }, 'more'],
  [{ events: [] }, 'events'],
  [{ events: Array.from({ length: 5001 }, () => ({ event_type: 'a' })) }, 'events'],
])('an event alone, or a batch that is none, is refused by name: %#', async (body, path) => {
  const { call } = await app.organization()
  const answer = await call('POST', '/analytics/events', body)
  expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, path])
})

test('5,000 events are one request, and a batch that comes three times counts once', async () => {
  const { call } = await app.organization()
  const events = Array.from({ length: 5000 }, (_, n) => ({
    event_id: `e${n}`,
    event_type: ['a', 'b'][n % 2],
    occurred_at: new Date(Date.UTC(2026, 5, 1) + n * 60_000).toISOString(),
  }))
  const counts: unknown[] = []
  for (let time = 0; time < 3; time++) {
    const { body } = await call('POST', '/analytics/events', { events: time === 1 ? events.toReversed() : events })
    expect(body).toEqual({ accepted: time === 0 ? 5000 : 0, duplicates: time === 0 ? 0 : 5000, rejected: [] })
    if (time === 1) await refresh()
    const report = await call('GET', '/analytics/reports/daily_events?from=2026-06-01T00:00:00Z&to=2026-07-01T00:00:00Z')
    const series = await call(
      'GET',
      '/analytics/timeseries?interval=week&group_by=event_type&from=2026-06-01T00:00:00Z&to=2026-06-07T00:00:00Z',
    )
    counts.push(series.body.items)
    if (time > 0) expect(report.body.items.reduce((sum: number, one: { events: number }) => sum + one.events, 0)).toBe(5000)
  }
  expect(counts[0]).toEqual([
    { bucket: '2026-06-01T00:00:00.000Z', group: 'a', count: 2500 },
    { bucket: '2026-06-01T00:00:00.000Z', group: 'b', count: 2500 },
  ])
  expect([counts[1], counts[2]]).toEqual([counts[0], counts[0]])
})

test('a batch leaves one audit event, which tells how many events came', async () => {
  const { call } = await app.organization()
  const events = ['c', 'a', 'b'].map(event_id => ({ event_id, event_type: 'x' }))
  for (let time = 0; time < 2; time++) await call('POST', '/analytics/events', { events })
  const { items } = (await call('GET', '/audit/events?entity_type=event')).body
  expect(items.map(({ action, entity_id, before, after }: Record<string, unknown>) => [action, entity_id, before, after])).toEqual([
    ['create', 'a', null, { count: 3, first: 'a', last: 'c' }],
  ])
})

test('a viewer reads and takes nothing in; events cannot be changed', async () => {
  const { call } = await app.organization()
  const { body } = await call('POST', '/organizations/api-keys', { name: 'Viewer', role: 'viewer' })
  const viewer = app.as(body.secret)
  expect((await viewer('POST', '/analytics/events', { event_type: 'a' })).status).toBe(403)
  expect((await viewer('POST', '/analytics/events', { events: ['bad'] })).status).toBe(403)
  expect((await viewer('PUT', '/analytics/metrics/m', { value: 1 })).status).toBe(403)
  for (const path of ['/events', '/timeseries?interval=day', '/reports', '/reports/daily_events'])
    expect([path, (await viewer('GET', `/analytics${path}`)).status]).toEqual([path, 200])
  for (const method of ['PATCH', 'DELETE', 'PUT']) expect((await call(method, '/analytics/events/e1', {})).status).toBe(404)
})

test('a report has its freshness, this organization alone, and every day once: those that are materialized and those that are not', async () => {
  const [mine, other] = [await app.organization(), await app.organization()]
  const { body: agent } = await mine.call('POST', '/agents', { name: 'A' })
  await mine.call('POST', '/conversations', { agent_id: agent.id, messages: [{ role: 'user', content: 'Hello' }] })
  const now = new Date().toISOString()
  const events = [now, now, '2020-02-29T12:00:00Z'].map(occurred_at => ({ event_type: 'a', agent_id: agent.id, occurred_at }))
  await mine.call('POST', '/analytics/events', { events: [...events, { event_type: 'b', occurred_at: now }] })
  const before = Date.now()
  await refresh()
  const { body: reports } = await mine.call('GET', '/analytics/reports')
  expect(reports.items.map(({ name }: { name: string }) => name)).toEqual([
    'agent_activity',
    'conversation_volume',
    'daily_events',
    'revenue',
  ])
  for (const { refreshed_at } of reports.items) expect(Date.parse(refreshed_at)).toBeGreaterThanOrEqual(before - 1)
  const read = async (call: Call, name: string, query = '') => (await call('GET', `/analytics/reports/${name}${query}`)).body.items
  const day = now.slice(0, 10)
  expect(await read(mine.call, 'daily_events')).toEqual([
    { day, event_type: 'a', events: 2 },
    { day, event_type: 'b', events: 1 },
  ])
  expect(await read(mine.call, 'agent_activity')).toEqual([
    { day, agent_id: agent.id, events: 2 },
    { day, agent_id: null, events: 1 },
  ])
  expect(await read(mine.call, 'conversation_volume')).toEqual([{ day, agent_id: agent.id, conversations: 1, messages: 1 }])
  const year = '?from=2020-01-01T00:00:00Z&to=2021-01-01T00:00:00Z'
  expect(await read(mine.call, 'daily_events', year)).toEqual([{ day: '2020-02-29', event_type: 'a', events: 1 }])
  expect(await read(mine.call, 'daily_events', `?from=2020-01-01T00:00:00Z&to=${now}`)).toHaveLength(3)
  for (const name of ['daily_events', 'agent_activity', 'conversation_volume', 'revenue']) expect(await read(other.call, name)).toEqual([])
  expect((await mine.call('GET', '/analytics/reports/none')).status).toBe(404)
})

test.each([
  ['/timeseries', 'interval'],
  ['/timeseries?interval=minute', 'interval'],
  ['/timeseries?interval=day&tz=Mars/Olympus', 'tz'],
  ['/timeseries?interval=day&tz=%2B05:30', 'tz'],
  ['/timeseries?interval=day&group_by=color', 'group_by'],
  ['/timeseries?interval=day&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
  ['/timeseries?interval=hour&from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
  ['/reports/daily_events?from=1900-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
  ['/reports/daily_events?days=3', 'days'],
  ['/events?from=yesterday', 'from'],
])('%s is refused by the name of what is wrong', async (path, name) => {
  const { call } = await app.organization()
  const answer = await call('GET', `/analytics${path}`)
  expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, name])
})

test('a metric is kept under any key, with every digit, and replaced by its version', async () => {
  const { call } = await app.organization()
  const path = `/analytics/metrics/${encodeURIComponent('agent_4:ä/1 %')}`
  const made = await call('PUT', path, '{"value":12345678901234567890.10,"ttl_seconds":60}')
  expect([made.status, made.headers.get('location')]).toEqual([201, path])
  expect(made.text).toContain('"value":12345678901234567890.10')
  expect(Date.parse(made.body.expires_at) - Date.parse(made.body.computed_at)).toBe(60_000)
  const tag = made.headers.get('etag') as string
  expect((await call('GET', path, undefined, { 'if-none-match': tag })).status).toBe(304)
  const replaced = await call('PUT', path, { value: null }, { 'if-match': tag })
  expect([replaced.status, replaced.body]).toMatchObject([200, { key: 'agent_4:ä/1 %', value: null, expires_at: null }])
  expect((await call('PUT', path, { value: 2 }, { 'if-match': tag })).status).toBe(412)
  expect((await call('DELETE', path, undefined, { 'if-match': tag })).status).toBe(412)
  expect((await call('DELETE', path)).status).toBe(204)
  expect((await call('GET', path)).status).toBe(404)
  expect((await call('PUT', path, { value: 2 }, { 'if-match': tag })).status).toBe(412)
  for (const [body, name] of [
    [{}, 'value'],
    [{ value: 1, ttl_seconds: 0 }, 'ttl_seconds'],
    [{ value: 1, ttl: 5 }, 'ttl'],
  ] as const)
    expect((await call('PUT', path, body)).body.errors[0].path).toBe(name)
})

test('a metric that has expired is not found, and the purge takes it', async () => {
  const { call, id } = await app.organization()
  await call('PUT', '/analytics/metrics/m', { value: 1, ttl_seconds: 60 })
  await app.database.sql("update metrics_cache set computed_at = computed_at - interval '61 seconds' where organization_id = $1", [id])
  expect((await call('GET', '/analytics/metrics/m')).status).toBe(404)
  expect((await call('DELETE', '/analytics/metrics/m')).status).toBe(404)
  expect((await app.admin('POST', '/jobs/purge-expired')).body.outcome).toBe('succeeded')
  expect(await app.database.sql('select id from metrics_cache where organization_id = $1', [id])).toEqual([])
})

test('while events are kept in memory, what only the database can count is unavailable', async () => {
  const off = await run({ MIGRATION_INITIAL_STAGE: 'off' })
  try {
    const { call } = await off.organization()
    const sent = { event_id: 'a', event_type: 'opened', agent_id: 'anybody' }
    expect((await call('POST', '/analytics/events', sent)).body).toEqual({ accepted: 1, duplicates: 0, rejected: [] })
    expect((await call('POST', '/analytics/events', sent)).body).toEqual({ accepted: 0, duplicates: 1, rejected: [] })
    expect((await call('GET', '/analytics/events')).body.items).toMatchObject([{ id: 'a', agent_id: 'anybody' }])
    for (const path of ['/timeseries?interval=day', '/reports', '/reports/daily_events']) {
      const answer = await call('GET', `/analytics${path}`)
      expect([path, answer.status, answer.body.code]).toEqual([path, 503, 'unavailable'])
    }
    const { body } = await off.admin('GET', '/migration/collections/analytics_data')
    await off.admin('POST', '/migration/collections/analytics_data/stage', { stage: 'dualwrite', expected_epoch: body.epoch })
    expect((await call('POST', '/analytics/events', { events: [sent, { event_id: 'b', event_type: 'opened' }] })).body.accepted).toBe(1)
    expect(await total(call, 'interval=day')).toBe(2)
    expect((await off.admin('POST', '/migration/collections/analytics_data/verify')).body).toMatchObject({ equal: true, compared: 2 })
  } finally {
    await off.stop()
  }
})
