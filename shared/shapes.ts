import { z } from 'zod'
import { type Json, LosslessNumber } from './json.ts'

const noControls = (text: string) => !/[\p{Cc}\p{Cs}]/u.test(text)

/** An id in a body or a path: 1 to 200 characters, any text without control characters. */
export const Id = z.string().min(1).max(200).refine(noControls, 'must not contain control characters')
/** The parameters of a path with one id. */
export const Ref = z.strictObject({ id: Id })
/** A time with its zone, answered in UTC. */
export const Time = z.iso.datetime({ offset: true })
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
