import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../../shared/id.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'
import { authorize, eventOf, type Fate, STRIPE_KEY, STRIPE_SECRET, type StripeStandIn, signed, startStripe } from '../support/stripe.ts'

let app: Running
let stripe: StripeStandIn
let call: Call
beforeAll(async () => {
  stripe = await startStripe()
  app = await run({
    ...{ PAYMENT_PROVIDER: 'stripe', STRIPE_API_KEY: STRIPE_KEY, STRIPE_WEBHOOK_SECRET: STRIPE_SECRET, STRIPE_API_URL: stripe.url },
    LOG_LEVEL: 'warning',
  })
  call = (await app.organization()).call
})
afterAll(async () => {
  await app.stop()
  await stripe.close()
})
beforeEach(() => {
  stripe.fate = () => 'answer'
  app.log.length = 0
})

const post = (path: string, body: object = {}, key = newId('key')) => call('POST', `/payments${path}`, body, { 'idempotency-key': key })
const get = async (path: string) => (await call('GET', `/payments${path}`)).body
const sums = ({ body }: Answer) => [body.status, body.amount_capturable, body.amount_received, body.amount_refunded]
const CARD = { payment_method: 'pm_card' }
const create = (more: object = {}, key?: string) =>
  post('/intents', { amount: 1000, currency: 'usd', confirm: true, metadata: CARD, ...more }, key)
const typesOf = async (id: string) =>
  (await get(`/transactions?intent_id=${id}`)).items.map((one: { type: string; amount: number }) => [one.type, one.amount]).reverse()
const theirs = (id: string) => {
  const found = [...stripe.intents.values()].find(({ metadata }) => metadata.intent_id === id)
  if (!found) throw new Error(`Stripe knows no intent of ${id}`)
  return found
}
const effects = () => [...stripe.effects.values()].reduce((sum, one) => sum + one, 0)
/** Lets the leases of a process that is gone be over. */
const endLeases = () => app.database.sql("update payment_operations set leased_until = now() - interval '1 second' where state = 'begun'")
const settle = () => app.admin('POST', '/jobs/settle-payments')
const states = async (id: string) =>
  (await app.database.sql<{ state: string }>('select state from payment_operations where intent_id = $1 order by created_at', [id])).map(
    ({ state }) => state,
  )

test('an intent is authorized, captured in parts and refunded at the provider, and ours says the same', async () => {
  const made = await create({ capture_method: 'manual' })
  expect([made.status, ...sums(made)]).toEqual([201, 'requires_capture', 1000, 0, 0])
  const { id } = made.body
  expect(sums(await post(`/intents/${id}/capture`, { amount: 400 }))).toEqual(['requires_capture', 600, 400, 0])
  expect(sums(await post(`/intents/${id}/refund`, { amount: 100, reason: 'late' }))).toEqual(['requires_capture', 600, 400, 100])
  expect(sums(await post(`/intents/${id}/capture`))).toEqual(['succeeded', 0, 1000, 100])
  expect(sums(await post(`/intents/${id}/refund`))).toEqual(['succeeded', 0, 1000, 1000])
  expect(await typesOf(id)).toEqual([
    ['capture', 400],
    ['refund', -100],
    ['capture', 600],
    ['refund', -900],
  ])
  expect(theirs(id)).toMatchObject({ amount_received: 1000, latest_charge: { amount_refunded: 1000 } })
  expect(await states(id)).toEqual(['done', 'done', 'done', 'done', 'done'])
})

test('what is authorized and not captured is let go by a cancellation there and here', async () => {
  const { id } = (await create({ capture_method: 'manual' })).body
  await post(`/intents/${id}/capture`, { amount: 1 })
  expect(sums(await post(`/intents/${id}/cancel`))).toEqual(['canceled', 0, 1, 0])
  expect(await typesOf(id)).toEqual([
    ['capture', 1],
    ['void', 999],
  ])
  expect(theirs(id).status).toBe('canceled')
  const draft = (await create({ confirm: false })).body.id
  expect((await post(`/intents/${draft}/cancel`)).body.status).toBe('canceled')
})

test('a declined card asks for another payment method, with which it is confirmed again', async () => {
  const { id, status } = (await create({ metadata: { payment_method: 'pm_declined' } })).body
  expect(status).toBe('requires_payment_method')
  expect((await call('PATCH', `/payments/intents/${id}`, { metadata: CARD })).status).toBe(200)
  expect(sums(await post(`/intents/${id}/confirm`))).toEqual(['succeeded', 0, 1000, 0])
  expect(await typesOf(id)).toEqual([['charge', 1000]])
})

test('without a payment method the customer acts at the provider, and its webhook tells', async () => {
  const { id, status } = (await create({ metadata: {} })).body
  expect(status).toBe('requires_payment_method')
  authorize(theirs(id))
  expect((await tell(eventOf('payment_intent.succeeded', theirs(id)))).body).toEqual({ outcome: 'applied' })
  expect(await get(`/intents/${id}`)).toMatchObject({ status: 'succeeded', amount_received: 1000 })
  expect(await typesOf(id)).toEqual([['charge', 1000]])
})

test('outcome is for the manual provider: here it is refused, and nothing is begun', async () => {
  const { id } = (await create({ confirm: false })).body
  const answer = await post(`/intents/${id}/confirm`, { outcome: 'succeeded' })
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
  expect(await states(id)).toEqual([])
})

test('what the provider refuses is a conflict with its reason, kept for the key, and leaves the intent as it was', async () => {
  const { id } = (await create()).body
  theirs(id).latest_charge = null
  const refused = await post(`/intents/${id}/refund`, { amount: 5 }, 'refused')
  expect([refused.status, refused.body.detail]).toEqual([409, 'stripe: Refund amount is greater than what is left.'])
  const again = await post(`/intents/${id}/refund`, { amount: 5 }, 'refused')
  expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([409, refused.text, 'true'])
  expect(await states(id)).toEqual(['done', 'failed'])
  expect(await get(`/intents/${id}`)).toMatchObject({ amount_refunded: 0 })
})

test.each(['effect without answer', 'no effect and no answer', 'error of theirs'] as const)(
  '%s: a 503 that is not kept, and the retry with the key has one effect',
  async fate => {
    const before = effects()
    stripe.fate = () => fate
    const lost = await create({ capture_method: 'manual' }, `lost ${fate}`)
    expect([lost.status, lost.body.code, lost.headers.get('retry-after')]).toEqual([503, 'unavailable', '1'])
    stripe.fate = () => 'answer'
    const other = await create({ capture_method: 'manual', amount: 7 }, `lost ${fate}`)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
    const made = await create({ capture_method: 'manual' }, `lost ${fate}`)
    expect([made.status, ...sums(made)]).toEqual([201, 'requires_capture', 1000, 0, 0])
    expect(effects() - before).toBe(1)
    const replay = await create({ capture_method: 'manual' }, `lost ${fate}`)
    expect([replay.text, replay.headers.get('idempotent-replayed')]).toEqual([made.text, 'true'])
  },
)

test('while an operation is on its way its own retry and any other are told to wait, and are not kept', async () => {
  const { id } = (await create({ capture_method: 'manual' })).body
  stripe.fate = () => 'no effect and no answer'
  await post(`/intents/${id}/capture`, { amount: 10 }, 'mine')
  await app.database.sql("update payment_operations set leased_until = now() + interval '1 minute' where state = 'begun'")
  stripe.fate = () => 'answer'
  for (const [key, step] of [
    ['mine', 'capture'],
    ['another', 'capture'],
    ['third', 'cancel'],
  ] as const) {
    const answer = await post(`/intents/${id}/${step}`, step === 'capture' ? { amount: 10 } : {}, key)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1'])
  }
  await endLeases()
  expect(sums(await post(`/intents/${id}/capture`, { amount: 10 }, 'mine'))).toEqual(['requires_capture', 990, 10, 0])
  expect(sums(await post(`/intents/${id}/capture`, { amount: 10 }, 'another'))).toEqual(['requires_capture', 980, 20, 0])
})

test('the job settles what nobody carries out any more, once, and the late retry hears of it', async () => {
  const { id } = (await create({ capture_method: 'manual' })).body
  stripe.fate = () => 'effect without answer'
  expect((await post(`/intents/${id}/capture`, { amount: 300 }, 'left')).status).toBe(503)
  stripe.fate = () => 'answer'
  expect((await settle()).body).toMatchObject({ outcome: 'succeeded', rows: 1 })
  expect((await settle()).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  expect(await get(`/intents/${id}`)).toMatchObject({ amount_received: 300 })
  expect(sums(await post(`/intents/${id}/capture`, { amount: 300 }, 'left'))).toEqual(['requires_capture', 700, 300, 0])
  expect(theirs(id).amount_received).toBe(300)
  expect(await typesOf(id)).toEqual([['capture', 300]])
})

test('a holder that was taken over cannot write: the operation is done once, by whom it was taken', async () => {
  const { id } = (await create({ capture_method: 'manual' })).body
  let arrived: () => void = () => {}
  let goOn: () => void = () => {}
  const waits = new Promise<void>(resolve => {
    arrived = resolve
  })
  const told = new Promise<void>(resolve => {
    goOn = resolve
  })
  stripe.fate = async (): Promise<Fate> => {
    stripe.fate = () => 'answer'
    arrived()
    await told
    return 'answer'
  }
  const zombie = post(`/intents/${id}/capture`, { amount: 250 }, 'zombie')
  await waits
  await endLeases()
  expect(sums(await post(`/intents/${id}/capture`, { amount: 250 }, 'zombie'))).toEqual(['requires_capture', 750, 250, 0])
  const [{ fence, version } = {}] = await app.database.sql<{ fence: number; version: string }>(
    "select fence, version from payment_operations where intent_id = $1 and kind = 'capture'",
    [id],
  )
  goOn()
  const late = await zombie
  expect([late.status, late.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
  expect(fence).toBe(2)
  expect(await app.database.sql("select version from payment_operations where intent_id = $1 and kind = 'capture'", [id])).toEqual([
    { version },
  ])
  expect(await typesOf(id)).toEqual([['capture', 250]])
})

const tell = (event: object, at = Math.floor(Date.now() / 1000), secret?: string) => {
  const { body, headers } = signed(event, at, secret)
  return app.as(undefined)('POST', '/payments/webhooks/stripe', body, headers)
}

test('a webhook with a wrong signature, without one, or of another time is refused, logged, and changes nothing', async () => {
  const { id } = (await create({ metadata: {} })).body
  authorize(theirs(id))
  const event = eventOf('payment_intent.succeeded', theirs(id))
  const now = Math.floor(Date.now() / 1000)
  const { body, headers } = signed(event, now)
  const forged = { ...headers, 'stripe-signature': headers['stripe-signature']?.replace(/.$/, last => (last === '0' ? '1' : '0')) ?? '' }
  const moved = { ...headers, 'stripe-signature': headers['stripe-signature']?.replace(String(now), String(now - 1)) ?? '' }
  const before = await get(`/intents/${id}`)
  const send = (text: string, more: Record<string, string>) => app.as(undefined)('POST', '/payments/webhooks/stripe', text, more)
  for (const [n, refuse] of [
    () => tell(event, now, 'whsec_of_somebody_else'),
    () => send(body, forged),
    () => send(body, moved),
    () => send(body.replace('1000', '9000'), headers),
    () => send(body, { 'content-type': 'application/json' }),
    () => tell(event, now - 301),
    () => tell(event, now + 400),
  ].entries()) {
    const answer = await refuse()
    expect([n, answer.status, answer.body.code]).toEqual([n, 401, 'unauthenticated'])
    expect(app.log.filter(line => line.includes('a webhook was refused'))).toHaveLength(n + 1)
  }
  expect(await get(`/intents/${id}`)).toEqual(before)
  expect(await app.database.sql('select id from payment_events where intent_id = $1', [id])).toEqual([])
})

test('the same delivery again is refused as replayed; the same event delivered anew changes nothing', async () => {
  const { id } = (await create({ metadata: {} })).body
  authorize(theirs(id))
  const event = eventOf('payment_intent.succeeded', theirs(id))
  const now = Math.floor(Date.now() / 1000)
  expect((await tell(event, now - 5)).body).toEqual({ outcome: 'applied' })
  const before = await get(`/intents/${id}`)
  const replayed = await tell(event, now - 5)
  expect([replayed.status, replayed.body.code]).toEqual([409, 'conflict'])
  expect(app.log.join()).toContain('the same delivery came before')
  expect((await tell(event, now)).body).toEqual({ outcome: 'duplicate' })
  expect(await get(`/intents/${id}`)).toEqual(before)
  expect(await typesOf(id)).toEqual([['charge', 1000]])
})

test('events in any order, and late ones, lead to the same end', async () => {
  const { id } = (await create({ metadata: {}, capture_method: 'manual' })).body
  const intent = theirs(id)
  const events = [eventOf('payment_intent.processing', { ...intent, status: 'processing' })]
  authorize(intent)
  events.push(eventOf('payment_intent.amount_capturable_updated', intent))
  Object.assign(intent, { status: 'succeeded', amount_received: 1000, amount_capturable: 0 })
  const charge = Object.assign(intent.latest_charge ?? {}, { amount_captured: 1000 })
  events.push(eventOf('payment_intent.succeeded', intent))
  events.push(eventOf('charge.refunded', { ...charge, amount_refunded: 200 }))
  events.push(eventOf('charge.refunded', { ...charge, amount_refunded: 500 }))
  for (const at of [4, 1, 3, 0, 2]) expect((await tell(events[at] as object)).body).toEqual({ outcome: 'applied' })
  expect(await get(`/intents/${id}`)).toMatchObject({ status: 'succeeded', amount_received: 1000, amount_refunded: 500 })
  expect(await typesOf(id)).toEqual([
    ['capture', 1000],
    ['refund', -500],
  ])
})

test('a webhook that comes before our own answer is written is not counted twice', async () => {
  const { id } = (await create({ capture_method: 'manual' })).body
  stripe.fate = () => 'effect without answer'
  await post(`/intents/${id}/capture`, { amount: 600 }, 'overtaken')
  stripe.fate = () => 'answer'
  await tell(eventOf('payment_intent.amount_capturable_updated', theirs(id)))
  expect(sums(await post(`/intents/${id}/capture`, { amount: 600 }, 'overtaken'))).toEqual(['requires_capture', 400, 600, 0])
  expect(await typesOf(id)).toEqual([['capture', 600]])
})

test('events of other kinds, of strangers, and of intents that are not here are taken and change nothing', async () => {
  const { id } = (await create({ confirm: false })).body
  expect((await tell(eventOf('customer.created', { id: 'cus_1' }))).body).toEqual({ outcome: 'ignored' })
  const [stranger] = stripe.intents.values()
  expect((await tell(eventOf('payment_intent.succeeded', { ...stranger, metadata: {} }))).body).toEqual({ outcome: 'ignored' })
  const elsewhere = { ...stranger, metadata: { organization_id: 'org_nobody', intent_id: id } }
  expect((await tell(eventOf('payment_intent.succeeded', elsewhere))).body).toEqual({ outcome: 'unknown' })
})
