import { createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Charge = { id: string; payment_intent: string; amount_captured: number; amount_refunded: number; currency: string; metadata: object }
type StripeIntent = {
  id: string
  status: string
  amount: number
  currency: string
  capture_method: string
  amount_capturable: number
  amount_received: number
  metadata: Record<string, string>
  latest_charge: Charge | null
}
type Reply = { status: number; body: object }

/** What is to become of the next call: its effect, and its answer. */
export type Fate = 'answer' | 'effect without answer' | 'no effect and no answer' | 'error of theirs' | 'decline'

/** A stand-in for Stripe's API: it does each thing once for an idempotency key, and counts what it did. */
export type StripeStandIn = {
  url: string
  /** How often each idempotency key was asked with, and had an effect. */
  asked: Map<string, number>
  effects: Map<string, number>
  intents: Map<string, StripeIntent>
  /** Called as a call comes in, and told its path. */
  fate: (path: string) => Fate | Promise<Fate>
  close(): Promise<void>
}

export const STRIPE_KEY = 'sk_test_of_the_tests'
export const STRIPE_SECRET = 'whsec_of_the_tests'

export const startStripe = async (): Promise<StripeStandIn> => {
  const answers = new Map<string, Reply>()
  const standIn: Omit<StripeStandIn, 'url' | 'close'> = { asked: new Map(), effects: new Map(), intents: new Map(), fate: () => 'answer' }
  const count = (of: Map<string, number>, key: string) => of.set(key, (of.get(key) ?? 0) + 1)

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const path = (request.url ?? '').replace(/^\/v1\//, '').replace(/\?.*/, '')
    const key = String(request.headers['idempotency-key'] ?? '')
    const fate = await standIn.fate(path)
    if (request.headers.authorization !== `Bearer ${STRIPE_KEY}`) return send(response, { status: 401, body: {} })
    count(standIn.asked, key)
    if (fate === 'no effect and no answer') return response.destroy()
    if (fate === 'error of theirs') return send(response, { status: 500, body: { error: { message: 'sorry' } } })
    const known = answers.get(key)
    const reply = known ?? answerTo(standIn.intents, request.method ?? '', path, new URLSearchParams(text), fate === 'decline')
    if (!known && request.method === 'POST') {
      answers.set(key, reply)
      if (reply.status === 200) count(standIn.effects, key)
    }
    return fate === 'effect without answer' ? response.destroy() : send(response, reply)
  }

  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(standIn, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  })
}

const send = (response: ServerResponse, { status, body }: Reply) => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

const refused = (message: string): Reply => ({ status: 400, body: { error: { type: 'invalid_request_error', message } } })

const answerTo = (intents: Map<string, StripeIntent>, method: string, path: string, form: URLSearchParams, decline: boolean): Reply => {
  const [kind, id = '', verb] = path.split('/')
  if (kind === 'refunds') return refund(intents.get(form.get('payment_intent') ?? ''), Number(form.get('amount')))
  const intent = id === '' ? create(intents, form) : intents.get(id)
  if (!intent) return { status: 404, body: { error: { message: 'No such payment_intent' } } }
  if (method === 'GET') return { status: 200, body: intent }
  const method_ = form.get('payment_method')
  if ((verb === 'confirm' || form.get('confirm') === 'true') && method_) return confirm(intent, method_, decline)
  if (verb === 'capture') return capture(intent, Number(form.get('amount_to_capture')), form.get('final_capture') !== 'false')
  if (verb === 'cancel') return cancel(intent)
  return { status: 200, body: intent }
}

const create = (intents: Map<string, StripeIntent>, form: URLSearchParams): StripeIntent => {
  const metadata = Object.fromEntries(
    [...form].flatMap(([name, value]) => (name.startsWith('metadata[') ? [[name.slice(9, -1), value]] : [])),
  )
  const intent: StripeIntent = {
    ...{ id: `pi_${randomUUID()}`, status: 'requires_payment_method', amount: Number(form.get('amount')) },
    ...{ currency: form.get('currency') ?? '', capture_method: form.get('capture_method') ?? '' },
    ...{ amount_capturable: 0, amount_received: 0, metadata, latest_charge: null },
  }
  intents.set(intent.id, intent)
  return intent
}

const confirm = (intent: StripeIntent, payment_method: string, decline: boolean): Reply => {
  if (decline || payment_method === 'pm_declined') {
    intent.status = 'requires_payment_method'
    return {
      status: 402,
      body: { error: { type: 'card_error', message: 'Your card was declined.', payment_intent: structuredClone(intent) } },
    }
  }
  if (payment_method === 'pm_action') intent.status = 'requires_action'
  else authorize(intent)
  return { status: 200, body: structuredClone(intent) }
}

/** What the customer does elsewhere, too. */
export const authorize = (intent: StripeIntent): void => {
  const { id, amount, currency, metadata } = intent
  const automatic = intent.capture_method === 'automatic'
  intent.status = automatic ? 'succeeded' : 'requires_capture'
  intent.amount_capturable = automatic ? 0 : amount
  intent.amount_received = automatic ? amount : 0
  const charge = { id: `ch_${randomUUID()}`, payment_intent: id, currency, metadata }
  intent.latest_charge = { ...charge, amount_captured: intent.amount_received, amount_refunded: 0 }
}

const capture = (intent: StripeIntent, amount: number, final: boolean): Reply => {
  if (intent.status !== 'requires_capture' || amount > intent.amount_capturable || !intent.latest_charge)
    return refused('This PaymentIntent could not be captured.')
  intent.amount_received += amount
  intent.amount_capturable = final ? 0 : intent.amount_capturable - amount
  intent.latest_charge.amount_captured = intent.amount_received
  if (intent.amount_capturable === 0) intent.status = 'succeeded'
  return { status: 200, body: structuredClone(intent) }
}

const cancel = (intent: StripeIntent): Reply => {
  if (intent.status === 'succeeded') return refused('You cannot cancel this PaymentIntent because it has a status of succeeded.')
  Object.assign(intent, { status: 'canceled', amount_capturable: 0 })
  return { status: 200, body: structuredClone(intent) }
}

const refund = (intent: StripeIntent | undefined, amount: number): Reply => {
  const charge = intent?.latest_charge
  if (!charge || charge.amount_refunded + amount > charge.amount_captured) return refused('Refund amount is greater than what is left.')
  charge.amount_refunded += amount
  return { status: 200, body: { id: `re_${randomUUID()}`, object: 'refund', amount, charge: structuredClone(charge) } }
}

/** A webhook as Stripe signs it; `at` in seconds since 1970. */
export const signed = (event: object, at: number, secret = STRIPE_SECRET): { body: string; headers: Record<string, string> } => {
  const body = JSON.stringify(event)
  const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
  return { body, headers: { 'content-type': 'application/json', 'stripe-signature': `t=${at},v0=00,v1=${signature}` } }
}

/** An event about an object. */
export const eventOf = (type: string, object: object, id = `evt_${randomUUID()}`) => ({
  id,
  type,
  object: 'event',
  data: { object: structuredClone(object) },
})
