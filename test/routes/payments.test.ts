import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../shared/id.ts'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
let call: Call
beforeAll(async () => {
  app = await run()
  call = (await app.organization()).call
})
afterAll(() => app.stop())

const keyed = () => ({ 'idempotency-key': newId('key') })
const post = (path: string, body: unknown = {}) => call('POST', `/payments${path}`, body, keyed())
const get = (path: string) => call('GET', `/payments${path}`)
const sums = ({ status, amount_capturable, amount_received, amount_refunded }: ReturnType<typeof JSON.parse>) => [
  status,
  amount_capturable,
  amount_received,
  amount_refunded,
]

test('an intent is created unconfirmed, in lower case, and read as it was answered', async () => {
  const made = await post('/intents', { amount: 1234, currency: 'USD', metadata: { order: 7 } })
  expect(made.status).toBe(201)
  expect(made.headers.get('location')).toBe(`/payments/intents/${made.body.id}`)
  expect(made.body).toMatchObject({
    ...{ amount: 1234, currency: 'usd', currency_exponent: 2, status: 'requires_confirmation', capture_method: 'automatic' },
    ...{ provider: 'manual', amount_capturable: 0, amount_received: 0, amount_refunded: 0, metadata: { order: 7 } },
  })
  expect(made.body).not.toHaveProperty('client_secret')
  const read = await get(`/intents/${made.body.id}`)
  expect([read.status, read.text]).toEqual([200, made.text])
  expect((await get('/intents')).body.items).toContainEqual(made.body)
})

test('confirmed with automatic capture it is succeeded, and the balance has it', async () => {
  const { body } = await post('/intents', { amount: 500, currency: 'eur', confirm: true })
  expect(sums(body)).toEqual(['succeeded', 0, 500, 0])
  const { items } = (await get(`/transactions?intent_id=${body.id}`)).body
  expect(items).toMatchObject([{ type: 'charge', amount: 500, currency: 'eur', status: 'completed', intent_id: body.id }])
  expect((await get(`/transactions/${items[0].id}`)).body).toEqual(items[0])
  expect((await get('/balance')).body.items).toContainEqual({ currency: 'eur', available: 500, pending: 0 })
})

test('captured by hand in parts, canceled in the middle, refunded in parts: every step has its transaction', async () => {
  const { id } = (await post('/intents', { amount: 1000, currency: 'jpy', capture_method: 'manual' })).body
  expect(sums((await post(`/intents/${id}/confirm`)).body)).toEqual(['requires_capture', 1000, 0, 0])
  expect(sums((await post(`/intents/${id}/capture`, { amount: 300 })).body)).toEqual(['requires_capture', 700, 300, 0])
  const over = await post(`/intents/${id}/capture`, { amount: 701 })
  expect([over.status, over.body.code, over.body.detail]).toEqual([409, 'conflict', 'only 700 can still be captured, not 701'])
  expect(sums((await post(`/intents/${id}/refund`, { amount: 100, reason: 'broken' })).body)).toEqual(['requires_capture', 700, 300, 100])
  expect(sums((await post(`/intents/${id}/capture`, { amount: 200 })).body)).toEqual(['requires_capture', 500, 500, 100])
  expect((await get('/balance')).body.items).toContainEqual({ currency: 'jpy', available: 400, pending: 500 })
  const canceled = await post(`/intents/${id}/cancel`, { reason: 'sold out' })
  expect([...sums(canceled.body), canceled.body.cancellation_reason]).toEqual(['canceled', 0, 500, 100, 'sold out'])
  expect(sums((await post(`/intents/${id}/refund`)).body)).toEqual(['canceled', 0, 500, 500])
  expect((await post(`/intents/${id}/refund`)).body.detail).toBe('only 0 can still be refunded')
  const { items } = (await get(`/transactions?intent_id=${id}`)).body
  const told = items.map((one: { type: string; amount: number; metadata: object }) => [one.type, one.amount, one.metadata])
  expect(told.reverse()).toEqual([
    ['capture', 300, {}],
    ['refund', -100, { reason: 'broken' }],
    ['capture', 200, {}],
    ['void', 500, { reason: 'sold out' }],
    ['refund', -400, {}],
  ])
  expect((await get('/balance')).body.items).toContainEqual({ currency: 'jpy', available: 0, pending: 0 })
})

test('a capture of all there is succeeds; what is the end refuses every step but a refund', async () => {
  const { id } = (await post('/intents', { amount: 90, currency: 'kwd', capture_method: 'manual', confirm: true })).body
  expect(sums((await post(`/intents/${id}/capture`)).body)).toEqual(['succeeded', 0, 90, 0])
  for (const step of ['confirm', 'capture', 'cancel']) expect([step, (await post(`/intents/${id}/${step}`)).status]).toEqual([step, 409])
  expect(sums((await post(`/intents/${id}/refund`)).body)).toEqual(['succeeded', 0, 90, 90])
})

test('an outcome that failed asks for another payment method, one that needs an action waits; either may be confirmed again', async () => {
  const { id } = (await post('/intents', { amount: 10, currency: 'usd' })).body
  for (const [outcome, status] of [
    ['failed', 'requires_payment_method'],
    ['requires_action', 'requires_action'],
    ['failed', 'requires_payment_method'],
    ['succeeded', 'succeeded'],
  ] as const)
    expect((await post(`/intents/${id}/confirm`, { outcome })).body.status).toBe(status)
  expect((await get(`/transactions?intent_id=${id}`)).body.items).toHaveLength(1)
})

test('before it is confirmed what is paid may change, after it only the metadata', async () => {
  const { id, version } = (await post('/intents', { amount: 10, currency: 'usd' })).body
  const patch = (body: object, headers = {}) => call('PATCH', `/payments/intents/${id}`, body, headers)
  const changed = await patch({ amount: 20, currency: 'kwd', capture_method: 'manual', metadata: { a: 1 } }, { 'if-match': `"${version}"` })
  expect(changed.body).toMatchObject({ amount: 20, currency: 'kwd', currency_exponent: 3, capture_method: 'manual', metadata: { a: 1 } })
  expect((await patch({ amount: 30 }, { 'if-match': `"${version}"` })).status).toBe(412)
  await post(`/intents/${id}/confirm`)
  for (const body of [{ amount: 1 }, { currency: 'usd' }, { capture_method: 'automatic' }]) expect((await patch(body)).status).toBe(409)
  expect((await patch({ metadata: { b: null } })).body).toMatchObject({ amount: 20, metadata: { b: null } })
  expect((await patch({ status: 'succeeded' })).status).toBe(400)
  expect((await call('PATCH', '/payments/intents/nobody', { amount: 1 })).status).toBe(404)
})

test('a POST without Idempotency-Key is refused and does nothing, and the description says that it is needed', async () => {
  const { id } = (await post('/intents', { amount: 10, currency: 'usd' })).body
  for (const path of ['/intents', `/intents/${id}/confirm`, `/intents/${id}/cancel`, `/intents/${id}/capture`, `/intents/${id}/refund`]) {
    const answer = await call('POST', `/payments${path}`, path === '/intents' ? { amount: 1, currency: 'usd' } : {})
    expect([path, answer.status, answer.body.errors]).toEqual([path, 400, [{ path: 'Idempotency-Key', message: 'is required here' }]])
  }
  expect((await get(`/intents/${id}`)).body.status).toBe('requires_confirmation')
  const { paths } = (await app.admin('GET', '/openapi.json')).body
  const header = { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } }
  expect(paths['/payments/intents/{id}/capture'].post.parameters).toContainEqual(header)
  expect(paths['/agents'].post.parameters).toContainEqual({ name: 'Idempotency-Key', in: 'header', schema: { type: 'string' } })
})

test('amounts are whole minor units from 1 on, and currencies those of ISO 4217', async () => {
  for (const body of [
    { amount: 0, currency: 'usd' },
    { amount: -1, currency: 'usd' },
    { amount: 0.5, currency: 'usd' },
    { amount: '5', currency: 'usd' },
    { amount: 1_000_000_000_000, currency: 'usd' },
    { amount: 1, currency: 'xyz' },
    { amount: 1, currency: 'us' },
    { amount: 1 },
    { currency: 'usd' },
    { amount: 1, currency: 'usd', status: 'succeeded' },
  ])
    expect([body, (await post('/intents', body)).status]).toEqual([body, 400])
})

test('an id of the caller is taken once, also when it is confirmed in the same step', async () => {
  const first = await post('/intents', { id: 'mine', amount: 10, currency: 'usd', capture_method: 'manual' })
  expect(first.status).toBe(201)
  expect((await post('/intents', { id: 'mine', amount: 20, currency: 'usd', confirm: true })).status).toBe(409)
  expect((await get('/intents/mine')).text).toBe(first.text)
})

test('what is not there is a 404 for every step, and so is a provider that is not configured', async () => {
  for (const step of ['confirm', 'capture', 'cancel', 'refund']) expect((await post(`/intents/nobody/${step}`)).status).toBe(404)
  expect((await get('/transactions/nobody')).status).toBe(404)
  expect((await get('/transactions?intent_id=nobody')).body.items).toEqual([])
  expect((await app.as(undefined)('POST', '/payments/webhooks/stripe', {})).status).toBe(404)
})

test('an organization without payments has an empty balance', async () => {
  const other = await app.organization()
  const { status, body } = await other.call('GET', '/payments/balance')
  expect([status, body]).toEqual([200, { items: [] }])
})

test('the report revenue tells by the day and currency what came in and what went back, before its refresh as after it', async () => {
  const { call: own } = await app.organization()
  const pay = (path: string, body: object) => own('POST', `/payments/intents${path}`, body, keyed())
  for (const currency of ['usd', 'jpy']) {
    const { id } = (await pay('', { amount: 300, currency, confirm: true })).body
    await pay(`/${id}/refund`, { amount: currency === 'usd' ? 100 : 300 })
  }
  const day = new Date().toISOString().slice(0, 10)
  const items = [
    { day, currency: 'jpy', received: 300, refunded: 300, net: 0 },
    { day, currency: 'usd', received: 300, refunded: 100, net: 200 },
  ]
  expect((await own('GET', '/analytics/reports/revenue')).body.items).toEqual(items)
  expect((await app.admin('POST', '/jobs/refresh-reports')).status).toBe(200)
  const { body } = await own('GET', '/analytics/reports/revenue')
  expect(body).toEqual({ refreshed_at: expect.any(String), items })
})
