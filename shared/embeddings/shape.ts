import { z } from 'zod'
import { LosslessNumber, numberOf } from '../json.ts'
import { isShort, shortOf, unit, WIDTH } from './vector.ts'

const isNumber = (value: unknown): value is number | LosslessNumber => typeof value === 'number' || value instanceof LosslessNumber

/** A list of 1 to 1536 numbers of 32 bits, not all 0, each as `read` takes it. */
const vectorOf = (read: (number: number | LosslessNumber) => number) =>
  z
    .custom<(number | LosslessNumber)[]>(value => Array.isArray(value) && value.every(isNumber), 'must be a list of numbers')
    .meta({ type: 'array', items: { type: 'number' }, minItems: 1, maxItems: WIDTH })
    .transform((given, context): number[] => {
      const numbers = given.map(read)
      if (numbers.every(Number.isFinite) && unit(numbers)) return numbers
      context.addIssue({ code: 'custom', message: `must be 1 to ${WIDTH} numbers of 32 bits, not all of them 0` })
      return z.NEVER
    })

/** A vector that the caller brings to be kept, its numbers rounded to 32 bits. */
export const Vector = vectorOf(number => (isShort(number) ? (number as number) + 0 : shortOf(numberOf(number))))

/** A vector that asks: rounded when it is sent, for to write each number in its fewest digits takes longer than all the rest of a search. */
export const AskedVector = vectorOf(number => Math.fround(numberOf(number)))
