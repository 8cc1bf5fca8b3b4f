import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ask, insist } from '../support/ask.ts'
import { bundleTo } from '../support/bundle.ts'
import { type Child, startChild } from '../support/children.ts'
import { ADMIN_KEY, makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { ledgerFaults } from '../support/ledger.ts'
import { startProxy, type WireProxy } from '../support/proxy.ts'
import { STRIPE_KEY, STRIPE_SECRET, type StripeStandIn, startStripe } from '../support/stripe.ts'

let database: TestDatabase
let folder: string
let proxy: WireProxy
let stripe: StripeStandIn
let child: Child
let token: string

const start = () =>
  startChild([`${folder}/functions/start.js`], {
    ...{ DATABASE_URL: proxy.url(database.url as string), AGENTHUB_ADMIN_KEY: ADMIN_KEY, PORT: '0', LOG_LEVEL: 'error' },
    ...{ PAYMENT_PROVIDER: 'stripe', STRIPE_API_URL: stripe.url, STRIPE_API_KEY: STRIPE_KEY, STRIPE_WEBHOOK_SECRET: STRIPE_SECRET },
    ...{ DB_POOL_SIZE: '1', RATE_LIMIT_PER_MINUTE: '0' },
  })

beforeAll(async () => {
  database = await makeTestDatabase()
  proxy = await startProxy(database.url as string)
  stripe = await startStripe()
  folder = await bundleTo(`dist/phases-${process.pid}`, ['functions/start'])
  child = await start()
  const made = await insist(child.url, ADMIN_KEY, { method: 'POST', path: '/organizations', body: { name: 'Phases' } })
  token = made.body.api_key.secret
})
afterAll(async () => {
  await child.kill()
  await proxy.close()
  await stripe.close()
  await database.drop()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  stripe.fate = () => 'answer'
})

const post = (path: string, body: object, key: string) => ({ method: 'POST', path: `/payments/intents${path}`, body, key })
const HELD = { amount: 1000, currency: 'usd', capture_method: 'manual', confirm: true, metadata: { payment_method: 'pm_card' } }

/** Ends the process as the database has done its trip number `trip` of a request, and before it hears of it. */
const killAtTrip = (trip: number) => () => {
  const reached = proxy.withheld()
  proxy.become('deaf', trip - 1)
  return reached
}
/** Ends it while the provider is asked: before it does anything, or before it answers. */
const killAtProvider = (fate: 'no effect and no answer' | 'effect without answer') => () =>
  new Promise<void>(resolve => {
    stripe.fate = async () => {
      stripe.fate = () => 'answer'
      if (fate === 'no effect and no answer') await child.kill()
      else setImmediate(() => resolve())
      resolve()
      return fate
    }
  })

const moments: [string, () => Promise<void>][] = [
  ['the operation is recorded, and not committed', killAtTrip(1)],
  ['it is committed, and the provider is not asked', killAtTrip(2)],
  ['the provider is asked, and has done nothing', killAtProvider('no effect and no answer')],
  ['the provider has done it, and has not answered', killAtProvider('effect without answer')],
  ["the provider's answer is written, and not committed", killAtTrip(3)],
  ['all is committed, and the caller has not heard', killAtTrip(4)],
]

let serial = 0
test.each(moments.flatMap(([when, moment], n) => [[n % 2 ? 'retried' : 'settled by the job, then retried', when, moment] as const]))(
  'a process killed when %s: %s; the provider did it once',
  async (how, _when, moment) => {
    const name = `case-${++serial}`
    const { body } = await insist(child.url, token, post('', { ...HELD, id: name }, `${name}-create`))
    const operation = post(`/${name}/capture`, { amount: 300 }, `${name}-capture`)
    const dying = moment()
    const lost = ask(child.url, token, operation)
    await dying
    await child.kill()
    expect(await lost).toBeUndefined()
    proxy.cut()
    proxy.become('open')
    child = await start()
    await database.sql("update payment_operations set leased_until = now() - interval '1 second' where state = 'begun'")
    if (how !== 'retried') await insist(child.url, ADMIN_KEY, { method: 'POST', path: '/jobs/settle-payments' })
    const answer = await insist(child.url, token, operation)
    expect(answer.body).toMatchObject({ id: body.id, status: 'requires_capture', amount_received: 300, amount_capturable: 700 })
    expect(await insist(child.url, token, operation)).toMatchObject({ body: answer.body, replayed: true })
    const theirs = [...stripe.intents.values()].find(({ metadata }) => metadata.intent_id === name)
    expect(theirs).toMatchObject({ amount_received: 300, amount_capturable: 700 })
    const operations = await database.sql<{ id: string; state: string }>('select id, state from payment_operations where intent_id = $1', [
      name,
    ])
    expect(operations.map(({ id, state }) => [state, stripe.effects.get(id)])).toEqual(operations.map(() => ['done', 1]))
    expect(operations).toHaveLength(2)
    const { items } = (await insist(child.url, token, { method: 'GET', path: `/payments/transactions?intent_id=${name}` })).body
    expect(items).toMatchObject([{ type: 'capture', amount: 300 }])
    expect(await ledgerFaults(database.sql)).toEqual([])
  },
)
