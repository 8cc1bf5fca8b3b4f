import { z } from 'zod'
import { JsonObject, recordFields } from '../../shared/shapes.ts'

/** A transaction on the wire: signed minor units, what comes in positive. It never changes. */
export const Transaction = z.object({
  ...recordFields,
  intent_id: z.string().nullable(),
  type: z.enum(['charge', 'capture', 'refund', 'void', 'adjustment']),
  amount: z.number().int(),
  currency: z.string(),
  status: z.enum(['pending', 'completed', 'failed', 'canceled']),
  metadata: JsonObject,
})
export type Transaction = z.infer<typeof Transaction>

export const TransactionFilter = z.strictObject({ intent_id: z.string() }).partial()
export type TransactionFilter = z.infer<typeof TransactionFilter>
