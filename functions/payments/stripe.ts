import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { Refusal } from '../../shared/errors.ts'
import { exponents } from './currencies.schema.ts'
import type { Delivery, Provider } from './provider.ts'
import { IntentStatus } from './schema.ts'
import type { Answer, Operation, ProviderEvent, Told } from './store.ts'

export type StripeSettings = { url: string; apiKey: string; webhookSecret: string }

/** Shorter than an operation's lease: while Stripe may still answer, nobody takes the operation over. */
const ANSWER_MS = 15_000
/** How far (seconds) the time of a webhook's signature may be from ours. */
const TOLERANCE = 300

const metadata = z.object({ organization_id: z.string().optional(), intent_id: z.string().optional() })
const Charge = z.object({ payment_intent: z.string(), amount_captured: z.int(), amount_refunded: z.int(), currency: z.string(), metadata })
const StripeIntent = z.object({
  id: z.string(),
  status: IntentStatus,
  currency: z.string(),
  amount_capturable: z.int(),
  amount_received: z.int(),
  metadata,
  latest_charge: z.union([z.string(), z.object({ amount_refunded: z.int() })]).nullish(),
})
const StripeRefund = z.object({ charge: Charge })
const StripeError = z.object({
  error: z.object({ message: z.string().default('no reason given'), payment_intent: StripeIntent.optional() }),
})
const StripeEvent = z.object({ id: z.string(), type: z.string(), data: z.object({ object: z.unknown() }) })

/** Where Stripe counts a currency otherwise than ISO 4217 does. */
const theirExponents: Record<string, number> = { isk: 2, ugx: 2, mga: 0 }
const shift = (currency: string): number => (theirExponents[currency] ?? exponents.get(currency) ?? 0) - (exponents.get(currency) ?? 0)
const toTheirs = (amount: number, currency: string): number => amount * 10 ** shift(currency)
const toOurs = (amount: number, currency: string): number => amount / 10 ** shift(currency)

const toldByIntent = ({ id, status, currency, amount_capturable, amount_received, latest_charge }: z.infer<typeof StripeIntent>): Told => ({
  reference: id,
  status,
  authorized: status === 'requires_capture' ? toOurs(amount_capturable + amount_received, currency) : null,
  received: toOurs(amount_received, currency),
  refunded: latest_charge && typeof latest_charge === 'object' ? toOurs(latest_charge.amount_refunded, currency) : null,
})

const toldByCharge = ({ payment_intent, currency, amount_captured, amount_refunded }: z.infer<typeof Charge>): Told => ({
  reference: payment_intent,
  status: null,
  authorized: null,
  received: toOurs(amount_captured, currency),
  refunded: toOurs(amount_refunded, currency),
})

const nothing: Told = { reference: null, status: null, authorized: null, received: null, refunded: null }
/** A refused confirmation asks for another payment method; any other operation leaves the intent as it is. */
const refusedBy = (kind: Operation['kind'], refused: string): Answer =>
  kind === 'confirm' ? { ...nothing, status: 'requires_payment_method', refused } : { ...nothing, refused }

/** Stripe, over its HTTP API. An intent's payment method is its `metadata.payment_method`; without one the customer names it to Stripe. */
export const makeStripe = ({ url, apiKey, webhookSecret }: StripeSettings): Provider => {
  /** One call under the operation's key. Throws what leaves the outcome open: no answer, a limit, an error of theirs. */
  const call = async <T>(
    { id, kind }: Operation,
    method: 'GET' | 'POST',
    path: string,
    form: Record<string, string>,
    shape: z.ZodType<T>,
    tell: (body: T) => Told,
  ): Promise<Answer> => {
    const body = new URLSearchParams(form)
    const response = await fetch(`${url}/v1/${path}${method === 'GET' ? `?${body}` : ''}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(method === 'POST' ? { 'idempotency-key': id } : {}) },
      ...(method === 'POST' ? { body } : {}),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const answer: unknown = await response.json()
    if (response.ok) return tell(shape.parse(answer))
    if (![400, 402, 404].includes(response.status)) throw new Error(`stripe answered ${response.status} to ${path}`)
    const { error } = StripeError.parse(answer)
    return error.payment_intent && kind === 'confirm' ? toldByIntent(error.payment_intent) : refusedBy(kind, `stripe: ${error.message}`)
  }
  const onIntent = (operation: Operation, path: string, form: Record<string, string> = {}, method: 'GET' | 'POST' = 'POST') =>
    call(operation, method, path, { 'expand[]': 'latest_charge', ...form }, StripeIntent, toldByIntent)
  const amountOf = ({ amount, intent }: Operation): string => String(toTheirs(amount ?? intent.amount, intent.currency))

  return {
    name: 'stripe',
    authorize: async operation => {
      const { organization_id, intent_id, intent } = operation
      const { payment_method } = intent.metadata as { payment_method?: unknown }
      const method = typeof payment_method === 'string' ? payment_method : undefined
      if (!Number.isInteger(toTheirs(intent.amount, intent.currency)))
        return refusedBy('confirm', `stripe: an amount in ${intent.currency} has to be a multiple of ${10 ** -shift(intent.currency)}`)
      if (intent.reference !== null)
        return method === undefined
          ? onIntent(operation, `payment_intents/${intent.reference}`, {}, 'GET')
          : onIntent(operation, `payment_intents/${intent.reference}/confirm`, { payment_method: method })
      return onIntent(operation, 'payment_intents', {
        amount: amountOf(operation),
        currency: intent.currency,
        capture_method: intent.capture_method,
        'metadata[organization_id]': organization_id,
        'metadata[intent_id]': intent_id,
        ...(method === undefined ? { 'automatic_payment_methods[enabled]': 'true' } : { payment_method: method, confirm: 'true' }),
      })
    },
    capture: async operation => {
      const rest = operation.amount === operation.intent.amount_capturable ? {} : { final_capture: 'false' }
      const form = { amount_to_capture: amountOf(operation), ...rest }
      return onIntent(operation, `payment_intents/${operation.intent.reference}/capture`, form)
    },
    cancel: async operation =>
      operation.intent.reference === null
        ? { ...nothing, status: 'canceled' }
        : onIntent(operation, `payment_intents/${operation.intent.reference}/cancel`),
    refund: async operation => {
      const form = { payment_intent: operation.intent.reference ?? '', amount: amountOf(operation), 'expand[]': 'charge' }
      return call(operation, 'POST', 'refunds', form, StripeRefund, ({ charge }) => toldByCharge(charge))
    },
    hear: delivery => {
      const signed_at = verify(delivery, webhookSecret)
      return eventOf(JSON.parse(delivery.body.toString()), signed_at)
    },
  }
}

/** Checks a webhook's signature and its time; answers that time. */
const verify = ({ headers, body, now }: Delivery, secret: string): string => {
  const parts = String(headers['stripe-signature'] ?? '')
    .split(',')
    .map(part => part.trim().split('=', 2) as [string, string?])
  const time = parts.find(([name]) => name === 't')?.[1] ?? ''
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest()
  const given = parts.filter(([name]) => name === 'v1').map(([, hex = '']) => Buffer.from(hex, 'hex'))
  if (!given.some(one => one.length === expected.length && timingSafeEqual(one, expected)))
    throw new Refusal('unauthenticated', 'the signature of the webhook is wrong')
  if (!/^\d{1,12}$/.test(time) || Math.abs(now / 1000 - Number(time)) > TOLERANCE)
    throw new Refusal('unauthenticated', 'the time of the webhook is too far from ours')
  return new Date(Number(time) * 1000).toISOString()
}

/** What an event tells of one of our intents, if it does. */
const eventOf = (body: unknown, signed_at: string): ProviderEvent | undefined => {
  const { id, type, data } = StripeEvent.parse(body)
  const intent = type.startsWith('payment_intent.') ? StripeIntent.parse(data.object) : undefined
  const charge = type === 'charge.refunded' ? Charge.parse(data.object) : undefined
  const { organization_id, intent_id } = (intent ?? charge)?.metadata ?? {}
  const told = intent ? toldByIntent(intent) : charge && toldByCharge(charge)
  return told && organization_id && intent_id ? { organization_id, intent_id, provider: 'stripe', id, signed_at, told } : undefined
}
