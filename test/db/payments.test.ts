import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exponents } from '../../functions/payments/currencies.schema.ts'
import { postgresLedger } from '../../functions/payments/ledger.postgres.ts'
import { postgresIntents } from '../../functions/payments/postgres.ts'
import { statuses } from '../../functions/payments/schema.ts'
import type { Move, Operation } from '../../functions/payments/store.ts'
import { type Database, makeDatabase } from '../../shared/db/database.ts'
import { acrossOrganizations, type Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { parse } from '../../shared/record.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { ledgerFaults } from '../support/ledger.ts'

let database: TestDatabase
let db: Database
let close: () => Promise<void>
beforeAll(async () => {
  database = await makeTestDatabase()
  const opened = await database.open()
  close = opened.close
  db = makeDatabase(opened.pool, { ...database.config.pool, log: makeLog('silent', undefined), metrics: makeMetrics() })
})
afterAll(async () => {
  await close()
  await database.drop()
})

const AT = '2026-01-01T00:00:00.000Z'
const NEW = { amount: 1000, currency: 'usd', provider: 'manual', capture_method: 'manual' as const, metadata: {}, at: AT }
const moveOf = (kind: Move['kind'], more: Partial<Move> = {}): Move => ({
  ...{ kind, operation: newId('pop'), transaction: newId('txn'), at: AT },
  ...more,
})
const own = (): Scope => ({
  organization_id: newId('org'),
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
const sql = (text: string, values?: unknown[]) => database.sql<Record<string, unknown>>(text, values)
/** As the owner of the tables, whom nothing but triggers binds. */
const asOwner = (text: string) => sql(`do $do$ begin set local role agenthub_owner; ${text}; end $do$`)

describe('a status follows another only where the matrix says so', () => {
  const [method, confirmation, action, processing, capture, succeeded, canceled] = statuses
  const legal: Record<string, readonly string[]> = {
    [method]: [confirmation, action, processing, capture, succeeded, canceled],
    [confirmation]: [method, action, processing, capture, succeeded, canceled],
    [action]: [method, confirmation, processing, capture, succeeded, canceled],
    [processing]: [method, action, capture, succeeded, canceled],
    [capture]: [succeeded, canceled],
    [succeeded]: [],
    [canceled]: [],
  }
  test.each(statuses.flatMap(from => statuses.map(to => [from, to] as const)))('%s to %s', async (from, to) => {
    const id = newId('pi')
    await sql(
      `insert into payment_intents (organization_id, id, amount, currency, status, version, created_at, updated_at)
      values ('org_matrix', $1, 0, 'usd', $2, 1, now(), now())`,
      [id, from],
    )
    const step = sql('update payment_intents set status = $2 where id = $1', [id, to])
    if (from === to || legal[from]?.includes(to)) await step
    else await expect(step).rejects.toMatchObject({ code: '23514', constraint: 'payment_intents_transition' })
    const kept = from === to || legal[from]?.includes(to) ? to : from
    expect(await sql('select status from payment_intents where id = $1', [id])).toEqual([{ status: kept }])
  })
})

test('the bounds hold whoever writes: refunded within captured within authorized within the amount, and none of them falls', async () => {
  const write = (status: string, ...sums: number[]) =>
    sql(
      `insert into payment_intents (organization_id, id, amount, currency, status, amount_authorized, amount_received, amount_refunded,
        version, created_at, updated_at)
      values ('org_bounds', $1, $3, 'usd', $2, $4, $5, $6, 1, now(), now())`,
      [newId('pi'), status, ...sums],
    )
  await write('requires_capture', 10, 10, 5, 5)
  for (const [status, ...sums] of [
    ['requires_capture', 10, 11, 0, 0],
    ['requires_capture', 10, 10, 11, 0],
    ['requires_capture', 10, 10, 5, 6],
    ['requires_capture', 10, 10, 5, -1],
    ['requires_capture', -1, 0, 0, 0],
    ['processing', 10, 10, 0, 0],
  ] as const)
    await expect(write(status, ...sums)).rejects.toMatchObject({ code: '23514' })
  for (const change of [
    'amount_received = 4',
    'amount_refunded = 4',
    'amount_authorized = 9',
    'amount = 11',
    "currency = 'eur'",
    "currency = 'xyz'",
  ])
    await expect(sql(`update payment_intents set ${change} where organization_id = 'org_bounds'`)).rejects.toMatchObject({ code: '23514' })
})

/** An intent with a charge and a refund behind it. */
const paid = async (scope: Scope) => {
  const intents = postgresIntents(db)
  const id = newId('pi')
  await intents.create(scope, { ...NEW, id, capture_method: 'automatic', confirm: moveOf('confirm') })
  await intents.move(scope, id, moveOf('refund', { amount: 400 }))
  return id
}

test.each(['payment_transactions', 'ledger_entries', 'payment_events'])(
  'rows of %s refuse change and removal, even by their owner',
  async table => {
    const scope = own()
    await paid(scope)
    await sql(
      `insert into payment_events (organization_id, id, intent_id, signed_at, version, created_at, updated_at)
    values ($1, 'e', 'i', now(), 1, now(), now())`,
      [scope.organization_id],
    )
    const before = await sql(`select * from ${table} order by organization_id, id`)
    expect(before.length).toBeGreaterThan(0)
    for (const text of [`update ${table} set version = version`, `delete from ${table}`, `truncate ${table} cascade`]) {
      await expect(sql(text)).rejects.toMatchObject({ code: '23001' })
      await expect(
        asOwner(`alter table ${table} no force row level security; ${text}`),
        `${text}, without row-level security`,
      ).rejects.toMatchObject({ code: '23001' })
      const replica = sql(`do $do$ begin set local session_replication_role = replica; ${text}; end $do$`)
      await expect(replica, `${text}, as a replica`).rejects.toMatchObject({ code: '23001' })
    }
    expect(await sql(`select * from ${table} order by organization_id, id`)).toEqual(before)
  },
)

test('entries that do not sum to 0 are refused as their transaction commits, and nobody but the triggers writes any', async () => {
  const scope = own()
  await paid(scope)
  const [{ id } = {}] = await sql("select id from payment_transactions where organization_id = $1 and type = 'charge'", [
    scope.organization_id,
  ])
  const entry = `insert into ledger_entries (organization_id, id, transaction_id, account, currency, amount, version, created_at, updated_at)
    values ('${scope.organization_id}', 'more', '${id}', 'available', 'usd', 1, 1, now(), now())`
  await expect(asOwner(entry)).rejects.toMatchObject({ code: '23514', constraint: 'ledger_entries_balanced' })
  for (const text of [
    entry,
    'update ledger_balances set balance = 0',
    'delete from ledger_balances',
    'update payment_transactions set amount = 0',
  ])
    await expect(db.write(scope, { name: text.slice(0, 40), text, values: [] })).rejects.toMatchObject({ code: '42501' })
  expect(await ledgerFaults(sql)).toEqual([])
})

test('a currency has the digits that ISO 4217 gives it, in the program as in the database', async () => {
  const codes = [...exponents.keys()]
  const rows = await sql('select code, currency_exponent(code) as exponent from unnest($1::text[]) code', [codes])
  expect(rows.map(({ code, exponent }) => [code, exponent])).toEqual([...exponents])
  const [all] = await sql(`select count(*) filter (where currency_exponent(a || b || c) is not null) as known
    from unnest(regexp_split_to_array('abcdefghijklmnopqrstuvwxyz', '')) a, unnest(regexp_split_to_array('abcdefghijklmnopqrstuvwxyz', '')) b,
      unnest(regexp_split_to_array('abcdefghijklmnopqrstuvwxyz', '')) c`)
  expect(Number(all?.known)).toBe(codes.length)
  expect(['jpy', 'usd', 'kwd', 'clf', 'xau'].map(code => exponents.get(code))).toEqual([0, 2, 3, 4, undefined])
})

test('an operation that was taken over is completed by nobody else', async () => {
  const intents = postgresIntents(db)
  const ledger = postgresLedger(db)
  const scope = own()
  const id = newId('pi')
  const begun = await intents.create(scope, {
    ...NEW,
    id,
    provider: 'outside',
    at: new Date().toISOString(),
    confirm: moveOf('confirm'),
  })
  const first = begun?.operation as Operation
  await ledger.release(scope, first)
  const taken = (await ledger.take(acrossOrganizations(scope))) as Operation
  expect([taken.id, first.fence, taken.fence]).toEqual([first.id, 1, 2])
  expect(await ledger.take(acrossOrganizations(scope))).toBeUndefined()
  const told = { reference: 'theirs', status: 'requires_capture', authorized: 1000, received: 0, refunded: null } as const
  await expect(intents.complete(scope, id, first, told, newId('txn'), AT)).rejects.toMatchObject({ code: 'conflict', retryAfter: 1 })
  const row = await intents.get(scope, id)
  expect(row && parse(row).status).toBe('processing')
  const done = await intents.complete(scope, id, taken, told, newId('txn'), AT)
  expect(parse(done)).toMatchObject({ status: 'requires_capture', amount_capturable: 1000 })
  await expect(intents.complete(scope, id, taken, told, newId('txn'), AT)).rejects.toMatchObject({ code: 'conflict' })
})

const CURRENCIES = ['jpy', 'usd', 'kwd']
const amount = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 999_999_999_999 }))
const step = fc.record({
  kind: fc.constantFrom('capture', 'refund', 'cancel', 'confirm'),
  part: fc.option(fc.double({ min: 0.01, max: 1.2, noNaN: true })),
})

test.each(CURRENCIES)('any steps with any amounts in %s keep every minor unit', async currency => {
  const intents = postgresIntents(db)
  const ledger = postgresLedger(db)
  await fc.assert(
    fc.asyncProperty(
      amount,
      fc.constantFrom('automatic', 'manual'),
      fc.array(step, { maxLength: 8 }),
      async (total, capture_method, steps) => {
        const scope = own()
        const id = newId('pi')
        await intents.create(scope, { ...NEW, id, amount: total, currency, capture_method, confirm: moveOf('confirm') })
        let [received, refunded, open] = capture_method === 'automatic' ? [total, 0, false] : [0, 0, true]
        for (const { kind, part } of steps) {
          const left = kind === 'capture' ? (open ? total - received : 0) : received - refunded
          const asked = part === null ? undefined : Math.max(1, Math.round(left * part))
          const fits = kind === 'cancel' ? open : kind !== 'confirm' && left > 0 && (asked ?? left) <= left
          const made = await intents.move(scope, id, moveOf(kind, kind === 'capture' || kind === 'refund' ? { amount: asked } : {})).then(
            () => true,
            error => {
              if (!(error instanceof Refusal && error.code === 'conflict')) throw error
              return false
            },
          )
          expect(made).toBe(fits)
          if (!fits) continue
          if (kind === 'capture') received += asked ?? left
          if (kind === 'refund') refunded += asked ?? left
          open &&= kind !== 'cancel' && received < total
        }
        const row = await intents.get(scope, id)
        const sums = { amount: total, amount_received: received, amount_refunded: refunded, amount_capturable: open ? total - received : 0 }
        expect(row && parse(row)).toMatchObject(sums)
        expect(JSON.parse(await ledger.balance(scope)).items).toEqual(
          received > 0 || open ? [{ currency, available: received - refunded, pending: sums.amount_capturable }] : expect.anything(),
        )
      },
    ),
    { numRuns: Number(process.env.TEST_PAYMENT_RUNS ?? 25) },
  )
  expect(await ledgerFaults(sql)).toEqual([])
})
