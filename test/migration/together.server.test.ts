import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Refusal } from '../../shared/errors.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import type { Staged } from '../../shared/migration/staged.ts'
import { type Asked, insist } from '../support/ask.ts'
import { type Call, type Running, run } from '../support/http.ts'
import { ledgerFaults } from '../support/ledger.ts'
import { type Purse, post, purseOf, step } from '../support/payments.ts'

let app: Running
let purse: Purse
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '3' })
  purse = purseOf(app)
})
afterAll(() => app.stop())

let call: Call
let token: string
beforeEach(async () => {
  const { call: calls, key } = await app.organization()
  call = calls
  token = key
})

/** Both collections come to a stage, off or dualwrite. */
const both = async (to: Stage) => {
  for (const staged of Object.values(purse)) if ((await staged.keeper.enter()).row.stage !== to) await step(staged, to)
}

/** Takes a step whose pause lasts until the request that `ask` sends waits for it; then the request goes on in the new stage. */
const stepAround = async <T>(staged: Staged<object>, to: Stage, ask: () => Promise<T>): Promise<T> => {
  const { stages, keeper } = staged
  const [{ change }, { write }] = [stages, keeper]
  let release = () => {}
  const waits = new Promise<void>(resolve => {
    release = resolve
  })
  let asked: Promise<T> | undefined
  stages.change = async (...given) => {
    asked = ask()
    await waits
    return change(...given)
  }
  keeper.write = (...given) => {
    release()
    return write(...given)
  }
  try {
    await step(staged, to)
    return await (asked as Promise<T>)
  } finally {
    Object.assign(stages, { change })
    Object.assign(keeper, { write })
  }
}

const sums = async (id: string) => {
  const { status, amount_received } = (await call('GET', `/payments/intents/${id}`)).body
  const { items } = (await call('GET', `/payments/transactions?intent_id=${id}`)).body
  return { status, amount_received, transactions: items.map(({ amount }: { amount: number }) => amount) }
}

test.for([
  ['payment_intents', 'dualwrite', 'off'],
  ['transactions', 'dualwrite', 'off'],
  ['payment_intents', 'off', 'dualwrite'],
  ['transactions', 'off', 'dualwrite'],
] as const)('money that is moved while %s goes from %s to %s is moved on neither side, and once by the retry', async ([name, from, to]) => {
  await both(from)
  expect((await post(call, '', { id: 'p', amount: 100, currency: 'usd', capture_method: 'manual', confirm: true })).status).toBe(201)
  const capture = () => post(call, '/p/capture', { amount: 60 }, 'capture')
  const { status, body } = await stepAround(purse[name], to, capture)
  expect([status, body.detail]).toEqual([503, expect.stringContaining('together')])
  await both(to)
  expect(await sums('p')).toEqual({ status: 'requires_capture', amount_received: 0, transactions: [] })
  expect((await capture()).status).toBe(200)
  expect(await sums('p')).toEqual({ status: 'requires_capture', amount_received: 60, transactions: [60] })
  await both('dualwrite')
  expect(await ledgerFaults(app.database.sql)).toEqual([])
  for (const staged of Object.values(purse)) expect(await staged.verify()).toMatchObject({ equal: true, differences: [] })
})

/** A step as an operator takes it under load: again, where its epoch has moved or it has to wait for what others still rely on. */
const insistOnStep = async (staged: Staged<object>, to: Stage): Promise<void> => {
  for (;;) {
    try {
      if (to === 'live' || to === 'rampdown') await proved(staged)
      return await step(staged, to)
    } catch (error) {
      if (!(error instanceof Refusal) || (error.retryAfter === undefined && !error.message.startsWith('the epoch is'))) throw error
      await wait(20)
    }
  }
}

/** A clean pass, where the next step asks for one. */
const proved = async ({ keeper, verify }: Staged<object>): Promise<void> => {
  const { stage } = (await keeper.enter()).row
  if (stage === 'shadow' || stage === 'live') expect(await verify()).toMatchObject({ equal: true, differences: [] })
}

/** Authorizes 100, captures 60 of it, gives 10 back and lets the rest go; each request is repeated under its key until it is done. */
const pay = async (id: string): Promise<void> => {
  const money = (path: string, body: object): Promise<{ body: Record<string, unknown> }> =>
    insist(app.url, token, { method: 'POST', path: `/payments/intents${path}`, body, key: `${id}${path}` })
  const read = async (path: string) => (await insist(app.url, token, { method: 'GET', path: `/payments${path}` } satisfies Asked)).body
  await money('', { id, amount: 100, currency: 'usd', capture_method: 'manual', confirm: true })
  await money(`/${id}/capture`, { amount: 60 })
  await money(`/${id}/refund`, { amount: 10 })
  await money(`/${id}/cancel`, {})
  expect(await read(`/intents/${id}`)).toMatchObject({ status: 'canceled', amount_received: 60, amount_refunded: 10 })
  const amounts: number[] = (await read(`/transactions?intent_id=${id}`)).items.map(({ amount }: { amount: number }) => amount)
  expect([id, amounts.sort((a, b) => a - b)]).toEqual([id, [-10, 40, 60]])
}

const way: Stage[] = ['dualwrite', 'off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete', 'rampdown', 'live', 'shadow', 'dualwrite']

test('both collections walk all the way and back under a load of payments: not one movement is lost or made twice', async () => {
  await both('off')
  let [paid, over] = [0, false]
  const payOn = async (name: string) => {
    for (let i = 0; !over; i++) {
      await pay(`${name}.${i}`)
      paid++
    }
  }
  const paying = Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(payOn))
  const walk = async () => {
    for (const [i, to] of [...way, 'off', 'dualwrite', 'off', 'dualwrite'].entries()) {
      const order = Object.values(purse)
      for (const staged of i % 2 === 0 ? order : order.reverse()) await insistOnStep(staged, to as Stage)
      const enough = paid + 4
      while (paid < enough) await wait(5)
    }
  }
  try {
    await Promise.race([walk(), paying])
  } finally {
    over = true
    await paying
  }
  expect(await ledgerFaults(app.database.sql)).toEqual([])
  for (const staged of Object.values(purse)) expect(await staged.verify()).toMatchObject({ equal: true, differences: [] })
  expect((await call('GET', '/payments/balance')).body.items).toEqual([{ currency: 'usd', available: 50 * paid, pending: 0 }])
}, 120_000)
