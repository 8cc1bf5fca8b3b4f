import { z } from 'zod'
import { LosslessNumber } from '../json.ts'
import { isShort, shortOf, unit, WIDTH } from './vector.ts'

const isNumber = (value: unknown): value is number | LosslessNumber => typeof value === 'number' || value instanceof LosslessNumber

/** A vector that the caller brings: 1 to 1536 numbers, not all 0, rounded to 32 bits. */
export const Vector = z
  .custom<(number | LosslessNumber)[]>(value => Array.isArray(value) && value.every(isNumber), 'must be a list of numbers')
  .meta({ type: 'array', items: { type: 'number' }, minItems: 1, maxItems: WIDTH })
  .transform((given, context): number[] => {
    const numbers = given.map(one => (isShort(one) ? (one as number) + 0 : shortOf(Number(String(one)))))
    if (numbers.every(Number.isFinite) && unit(numbers)) return numbers
    context.addIssue({ code: 'custom', message: `must be 1 to ${WIDTH} numbers of 32 bits, not all of them 0` })
    return z.NEVER
  })
