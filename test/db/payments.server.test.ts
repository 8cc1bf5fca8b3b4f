import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../shared/id.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'
import { ledgerFaults } from '../support/ledger.ts'

let app: Running
beforeAll(async () => {
  app = await run()
  // every connection is open before the first race: while they are opened one by one, nothing races
  await Promise.all(Array.from({ length: RACERS }, () => app.as(undefined)('GET', '/health/ready')))
})
afterAll(() => app.stop())

const RACERS = 50
const post = (call: Call, path: string, body: object = {}, key = newId('key')) =>
  call('POST', `/payments/intents${path}`, body, { 'idempotency-key': key })
const race = (runner: (n: number) => Promise<Answer>, racers = RACERS) => Promise.all(Array.from({ length: racers }, (_, n) => runner(n)))
const statuses = (answers: Answer[]) => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
const read = async (call: Call, path: string) => (await call('GET', `/payments${path}`)).body

test('of fifty captures at once that together exceed the intent, never more than it are made; the others hear why', async () => {
  const { call } = await app.organization()
  const { id } = (await post(call, '', { amount: 1000, currency: 'usd', capture_method: 'manual', confirm: true })).body
  const parts = (n: number) => 20 + n // 2,225 together
  const answers = await race(n => post(call, `/${id}/capture`, { amount: parts(n) }))
  const done = answers.flatMap(({ status }, n) => (status === 200 ? [parts(n)] : []))
  const received = done.reduce((sum, one) => sum + one, 0)
  const intent = await read(call, `/intents/${id}`)
  expect([intent.amount_received, intent.amount_capturable]).toEqual([received, 1000 - received])
  expect(received).toBeLessThanOrEqual(1000)
  expect(received).toBeGreaterThan(1000 - 70)
  for (const { status, body } of answers)
    if (status !== 200)
      expect([status, body.code, body.detail]).toEqual([
        409,
        'conflict',
        expect.stringMatching(/can still be captured|it cannot be captured/),
      ])
  expect((await read(call, `/transactions?intent_id=${id}&limit=200`)).items).toHaveLength(done.length)
  expect(await read(call, '/balance')).toEqual({ items: [{ currency: 'usd', available: received, pending: 1000 - received }] })
  expect(await ledgerFaults(app.database.sql)).toEqual([])
})

test('of fifty refunds at once that together exceed what was captured, never more than it are made; the others hear why', async () => {
  const { call } = await app.organization()
  const { id } = (await post(call, '', { amount: 1000, currency: 'jpy', confirm: true })).body
  const answers = await race(() => post(call, `/${id}/refund`, { amount: 30 }))
  expect(statuses(answers)).toEqual({ 200: 33, 409: 17 })
  for (const { status, body } of answers) if (status === 409) expect(body.detail).toBe('only 10 can still be refunded, not 30')
  expect((await read(call, `/intents/${id}`)).amount_refunded).toBe(990)
  expect(await read(call, '/balance')).toEqual({ items: [{ currency: 'jpy', available: 10, pending: 0 }] })
  expect(await ledgerFaults(app.database.sql)).toEqual([])
})

test('a hundred requests with one key have one effect; each other one is in flight or the same answer, byte for byte', async () => {
  const { call } = await app.organization()
  const { id } = (await post(call, '', { amount: 1000, currency: 'usd', confirm: true })).body
  const answers = await race(() => post(call, `/${id}/refund`, { amount: 7 }, 'once'), 100)
  const fresh = answers.filter(({ status, headers }) => status === 200 && headers.get('idempotent-replayed') === null)
  expect(fresh).toHaveLength(1)
  for (const { status, text, headers } of answers)
    if (status === 409) expect(headers.get('retry-after')).toBe('1')
    else expect([status, text]).toEqual([200, fresh[0]?.text])
  expect((await read(call, `/intents/${id}`)).amount_refunded).toBe(7)
  const other = await post(call, `/${id}/refund`, { amount: 8 }, 'once')
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
  const elsewhere = await app.organization()
  expect((await post(elsewhere.call, '', { amount: 5, currency: 'usd' }, 'once')).status).toBe(201)
  expect((await post(call, '', { amount: 5, currency: 'usd' }, 'once')).status).toBe(201)
  expect((await read(call, `/intents/${id}`)).amount_refunded).toBe(7)
})

test('a refusal by state is kept for its key, a bad request is not', async () => {
  const { call } = await app.organization()
  const { id } = (await post(call, '', { amount: 10, currency: 'usd', capture_method: 'manual', confirm: true })).body
  const refused = await post(call, `/${id}/capture`, { amount: 11 }, 'too-much')
  expect([refused.status, refused.body.detail]).toEqual([409, 'only 10 can still be captured, not 11'])
  await post(call, `/${id}/capture`)
  const again = await post(call, `/${id}/capture`, { amount: 11 }, 'too-much')
  expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([409, refused.text, 'true'])
  expect((await post(call, `/${id}/refund`, { amount: 0 }, 'bad')).status).toBe(400)
  expect((await post(call, `/${id}/refund`, { amount: 1 }, 'bad')).status).toBe(200)
})

test('cancellations, captures and refunds of one intent at once leave it whole', async () => {
  const { call } = await app.organization()
  for (let round = 0; round < 5; round++) {
    const { id } = (await post(call, '', { amount: 100, currency: 'kwd', capture_method: 'manual', confirm: true })).body
    const kinds = ['capture', 'refund', 'cancel', 'capture'] as const
    const answers = await race(n => post(call, `/${id}/${kinds[n % 4]}`, n % 4 === 2 ? {} : { amount: 7 }), 16)
    for (const { status } of answers) expect([200, 409]).toContain(status)
    expect((await read(call, `/intents/${id}`)).status).toBe('canceled')
  }
  expect(await ledgerFaults(app.database.sql)).toEqual([])
})
