import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../shared/id.ts'
import { type Running, run } from '../support/http.ts'
import { ledgerFaults } from '../support/ledger.ts'
import { dictionariesOf, line, sample } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run()
  const dictionaries = dictionariesOf(app, 'org_a')
  for (const name of ['payment_intents', 'transactions'])
    expect((await dictionaries.import(name, sample(name))).body).toMatchObject({ quarantined: [], conflicts: [] })
})
afterAll(() => app.stop())

const sql = (text: string, values?: unknown[]) => app.database.sql<Record<string, unknown>>(text, values)
test('what was authorized and captured follows from the status of an imported intent', async () => {
  const rows = await sql(`select id, currency, currency_exponent as digits, capture_method, amount_authorized::text as authorized,
    amount_received::text as received, amount_capturable::text as capturable from payment_intents order by id`)
  expect(rows).toEqual([
    { id: 'pi_1', currency: 'usd', digits: 2, capture_method: 'automatic', authorized: '8900', received: '8900', capturable: '0' },
    { id: 'pi_2', currency: 'jpy', digits: 0, capture_method: 'manual', authorized: '4200', received: '0', capturable: '4200' },
    { id: 'pi_3', currency: 'kwd', digits: 3, capture_method: 'automatic', authorized: '0', received: '0', capturable: '0' },
    { id: 'pi_4', currency: 'eur', digits: 2, capture_method: 'automatic', authorized: '0', received: '0', capturable: '0' },
    { id: 'pi_5', currency: 'usd', digits: 2, capture_method: 'automatic', authorized: '0', received: '0', capturable: '0' },
    { id: 'pi_zero', currency: 'jpy', digits: 0, capture_method: 'automatic', authorized: '0', received: '0', capturable: '0' },
  ])
})

test('each completed transaction has its pair in its own organization, and touches no intent', async () => {
  const rows = await sql(`select organization_id, account, currency, sum(balance)::text as balance from ledger_balances
    group by 1, 2, 3 order by 1, 2, 3`)
  const pairs = rows.map(({ organization_id, account, currency, balance }) => [organization_id, account, currency, balance])
  expect(pairs).toEqual([
    ['org_a', 'available', 'eur', '0'],
    ['org_a', 'available', 'kwd', '-7'],
    ['org_a', 'available', 'usd', '8900'],
    ['org_a', 'customers', 'eur', '0'],
    ['org_a', 'customers', 'kwd', '7'],
    ['org_a', 'customers', 'usd', '-8900'],
    ['org_b', 'available', 'usd', '-500'],
    ['org_b', 'customers', 'usd', '500'],
  ])
  expect((await ledgerFaults(sql)).filter(fault => !fault.startsWith('an intent says'))).toEqual([])
})

test('an imported transaction that is changed in the dictionary is a conflict, and stays as it was', async () => {
  const dictionaries = dictionariesOf(app, 'org_a')
  const changed = { ...JSON.parse(sample('transactions')).txn_1, amount: 1 }
  const { body } = await dictionaries.import('transactions', [line('txn_1', changed)])
  expect(body).toMatchObject({ inserted: 0, updated: 0, conflicts: [{ key: 'txn_1', reason: expect.stringContaining('cannot change') }] })
  expect(await sql("select amount::text from payment_transactions where id = 'txn_1'")).toEqual([{ amount: '8900' }])
})

test('what no payment can be is quarantined with its reason, and nothing of it is posted', async () => {
  const dictionaries = dictionariesOf(app, 'org_a')
  const good = { amount: 1, currency: 'usd', type: 'charge' }
  const lines = [
    line('bad_currency', { ...good, currency: 'zzz' }),
    line('bad_type', { ...good, type: 'gift' }),
    line('bad_amount', { ...good, amount: 1.5 }),
    line('bad_sign', { ...good, type: 'refund' }),
    line('good', good),
  ]
  const { body } = await dictionaries.import('transactions', lines)
  expect(body).toMatchObject({ inserted: 1, counts: { quarantined: 4 } })
  expect(body.quarantined.map(({ key }: { key: string }) => key).sort()).toEqual(['bad_amount', 'bad_currency', 'bad_sign', 'bad_type'])
  const status = { amount: 1, currency: 'usd', status: 'gone' }
  expect((await dictionaries.import('payment_intents', [line('p', status)])).body).toMatchObject({ counts: { quarantined: 1 } })
  expect(await sql("select id from ledger_entries where transaction_id like 'bad%'")).toEqual([])
})

test('an intent that came in authorized is captured and refunded like any other, and its secret is told by the export alone', async () => {
  const { call, id: organization } = await app.organization()
  const held = { organization_id: organization, amount: 900, currency: 'usd', status: 'requires_capture', client_secret: 'hush' }
  expect((await dictionariesOf(app).import('payment_intents', [line('held', held)])).body.inserted).toBe(1)
  const post = (step: string, body: object) => call('POST', `/payments/intents/held/${step}`, body, { 'idempotency-key': newId('key') })
  expect((await call('GET', '/payments/balance')).body.items).toEqual([{ currency: 'usd', available: 0, pending: 900 }])
  expect((await post('capture', { amount: 400 })).body).toMatchObject({ amount_received: 400, amount_capturable: 500 })
  expect((await post('refund', { amount: 150 })).body).toMatchObject({ amount_refunded: 150 })
  const canceled = await post('cancel', {})
  expect(canceled.body).toMatchObject({ status: 'canceled', amount_received: 400 })
  expect(canceled.text).not.toContain('hush')
  expect((await call('GET', '/payments/balance')).body.items).toEqual([{ currency: 'usd', available: 250, pending: 0 }])
  const exported = await dictionariesOf(app).export('payment_intents', `&only_organization=${organization}`)
  expect(exported.body.held).toMatchObject({ status: 'canceled', client_secret: 'hush', amount: 900 })
})
