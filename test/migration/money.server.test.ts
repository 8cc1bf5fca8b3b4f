import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../shared/id.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import { runBehindProxy } from '../support/behind.ts'
import type { Call } from '../support/http.ts'
import { ledgerFaults } from '../support/ledger.ts'

let app: Awaited<ReturnType<typeof runBehindProxy>>
let call: Call
beforeAll(async () => {
  app = await runBehindProxy({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '1' })
  call = (await app.organization()).call
})
afterAll(() => app.stop())

const COLLECTIONS = ['payment_intents', 'transactions']
const stagedOf = (name: string) => {
  const staged = app.shared.collections.get(name)
  if (!staged) throw new Error(`no collection ${name}`)
  return staged
}
const step = async (name: string, to: Stage) => {
  const { keeper } = stagedOf(name)
  expect((await keeper.change(to, (await keeper.enter()).row.epoch)).stage).toBe(to)
}
const post = (path: string, body: object = {}) => call('POST', `/payments/intents${path}`, body, { 'idempotency-key': newId('key') })
const pay = async (id: string) => {
  const statuses = [
    await post('', { id, amount: 100, currency: 'usd', capture_method: 'manual', confirm: true }),
    await post(`/${id}/capture`, { amount: 60 }),
    await post(`/${id}/refund`, { amount: 10 }),
    await post(`/${id}/cancel`),
  ].map(({ status }) => status)
  expect([id, ...statuses]).toEqual([id, 201, 200, 200, 200])
}
const seen = async () => {
  const { items } = (await call('GET', '/payments/intents?limit=200')).body
  const transactions = (await call('GET', '/payments/transactions?limit=200')).body.items
  return { intents: items.length, transactions: transactions.length }
}
const sql = (text: string) => app.database.sql<Record<string, unknown>>(text)

test('payments walk through the stages: every movement is kept, posted and seen, and memory never answers for Postgres', async () => {
  await pay('off')
  expect(await sql('select id from payment_intents')).toEqual([])
  expect((await call('GET', '/payments/balance')).status).toBe(503)

  await step('payment_intents', 'dualwrite')
  for (const [path, body] of [
    ['', { amount: 1, currency: 'usd' }],
    ['/off/refund', {}],
  ] as const) {
    const { status, body: problem } = await post(path, body)
    expect([status, problem.detail]).toEqual([503, expect.stringContaining('together')])
  }
  await step('transactions', 'dualwrite')
  expect(await ledgerFaults(sql)).toEqual([])
  expect((await call('GET', '/payments/balance')).body.items).toEqual([{ currency: 'usd', available: 50, pending: 0 }])

  let paid = 1
  for (const stage of ['dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const) {
    for (const name of stage === 'dualwrite' ? [] : COLLECTIONS) {
      if (stage === 'live' || stage === 'rampdown') expect(await stagedOf(name).verify()).toMatchObject({ equal: true, differences: [] })
      await step(name, stage)
    }
    await pay(stage)
    paid++
    expect([stage, await seen()]).toEqual([stage, { intents: paid, transactions: paid * 3 }])
    expect(await ledgerFaults(sql)).toEqual([])
    if (stage === 'live') await withoutPostgres()
  }
  expect((await call('GET', '/payments/balance')).body.items).toEqual([{ currency: 'usd', available: 50 * paid, pending: 0 }])
})

/** While Postgres is away in `live`, what money depends on is not read from memory. */
const withoutPostgres = async () => {
  await app.proxy.close()
  for (const path of ['/intents', '/intents/off', '/transactions', '/balance'])
    expect([path, (await call('GET', `/payments${path}`)).status]).toEqual([path, 503])
  expect((await post('/off/refund', { amount: 1 })).status).toBe(503)
  await app.proxy.reopen()
  // what asked for the lease while it was away may not have heard yet
  for (const name of COLLECTIONS) {
    const asked = () =>
      stagedOf(name)
        .keeper.enter()
        .then(Boolean, () => false)
    await expect.poll(asked, { timeout: 10_000 }).toBe(true)
  }
}
