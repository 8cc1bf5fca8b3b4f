import { z } from 'zod'
import { LosslessNumber } from '../../shared/json.ts'
import { Id } from '../../shared/shapes.ts'

const DECIMAL = /^[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?$/

/** A number or a decimal string of any size, as decimal text. */
const Decimal = z
  .union([z.number(), z.string(), z.instanceof(LosslessNumber)])
  .transform(String)
  .refine(text => DECIMAL.test(text), 'must be a number or a decimal string')
  .meta({ description: 'a number or a decimal string of any size' })

/** A counter on the wire; `value` is a JSON number with every digit. */
export const Counter = z.object({ name: z.string(), value: z.number() })
export type Counter = z.infer<typeof Counter>

export const CounterRef = z.strictObject({ name: Id })
export const Increment = z.strictObject({ by: Decimal.default('1') })
