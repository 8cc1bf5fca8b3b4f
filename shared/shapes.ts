import { z } from 'zod'
import { type Json, LosslessNumber } from './json.ts'

const noControls = (text: string) => !/[\p{Cc}\p{Cs}]/u.test(text)

/** An id in a body or a path: 1 to 200 characters, any text without control characters. */
export const Id = z.string().min(1).max(200).refine(noControls, 'must not contain control characters')
/** The parameters of a path with one id. */
export const Ref = z.strictObject({ id: Id })
const [FIRST, BEYOND] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** Whether a time has a year of four digits in UTC too, rounded to microseconds as Postgres does. (It refuses the year 0 by itself.) */
const hasYear = (time: string): boolean => Date.parse(time) < BEYOND && (Date.parse(time) >= FIRST || time.startsWith('0000'))

/** A time with its zone, answered in UTC: of the years 1 to 9999 there. */
export const Time = z.iso.datetime({ offset: true }).refine(hasYear, 'must be of the years 1 to 9999 in UTC')
/** A version on the wire. */
export const Version = z.number().int()

/** Any JSON value, exactly as it was sent. */
export const JsonValue = z.custom<Json>(value => value !== undefined).meta({ description: 'any JSON value' })
/** A JSON object, exactly as it was sent. */
export const JsonObject = z
  .custom<{ [key: string]: Json }>(
    value => typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof LosslessNumber),
    'must be a JSON object',
  )
  .meta({ type: 'object' })

/** What every record carries. */
export const recordFields = { id: z.string(), organization_id: z.string(), version: Version, created_at: Time, updated_at: Time }
