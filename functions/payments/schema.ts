import { z } from 'zod'
import { Id, JsonObject, recordFields } from '../../shared/shapes.ts'
import { exponents } from './currencies.schema.ts'

export const statuses = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'canceled',
] as const
export const IntentStatus = z.enum(statuses)
export type IntentStatus = z.infer<typeof IntentStatus>

/** A sum in minor units of its currency: at most twelve digits, so that no sum of a client's loses one. */
const Amount = z.number().int().min(1).max(999_999_999_999)
const Currency = z
  .string()
  .toLowerCase()
  .refine(code => exponents.has(code), 'is no currency of ISO 4217')
  .meta({ enum: [...exponents.keys()] })
const CaptureMethod = z.enum(['automatic', 'manual'])
const Reason = z.string().min(1).max(500)
const Minor = z.number().int()

/** An intent on the wire: sums in minor units, `currency_exponent` digits of which stand behind the point. */
export const Intent = z.object({
  ...recordFields,
  amount: Minor,
  currency: z.string(),
  currency_exponent: Minor,
  status: IntentStatus,
  capture_method: CaptureMethod,
  provider: z.string(),
  amount_capturable: Minor,
  amount_received: Minor,
  amount_refunded: Minor,
  cancellation_reason: z.string().nullable(),
  metadata: JsonObject,
})
export type Intent = z.infer<typeof Intent>

const fields = { amount: Amount, currency: Currency, capture_method: CaptureMethod, metadata: JsonObject }

export const IntentCreate = z.strictObject({
  id: Id.optional(),
  amount: fields.amount,
  currency: fields.currency,
  capture_method: fields.capture_method.optional(),
  confirm: z.boolean().optional(),
  metadata: fields.metadata.optional(),
})
/** What is paid, and how, can be changed until it is confirmed; metadata is replaced whole, at any time. */
export const IntentPatch = z.strictObject(fields).partial()
export type IntentPatch = z.infer<typeof IntentPatch>

export const Outcome = z.enum(['succeeded', 'failed', 'requires_action'])
export type Outcome = z.infer<typeof Outcome>
export const Confirm = z.strictObject({ outcome: Outcome.optional() })
export const Capture = z.strictObject({ amount: Amount.optional() })
export const Cancel = z.strictObject({ reason: Reason.optional() })
export const Refund = z.strictObject({ amount: Amount.optional(), reason: Reason.optional() })

export const Balance = z.object({ items: z.array(z.object({ currency: z.string(), available: Minor, pending: Minor })) })
export type Balance = z.infer<typeof Balance>

export const WebhookRef = z.strictObject({ provider: z.string() })
export const Heard = z.object({ outcome: z.enum(['applied', 'duplicate', 'unknown', 'ignored']) })
