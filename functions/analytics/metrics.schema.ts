import { z } from 'zod'
import { Id, JsonValue, Time } from '../../shared/shapes.ts'

/** A value that somebody computed, and until when it holds (null: for good). */
export const Metric = z.object({ key: z.string(), value: JsonValue, computed_at: Time, expires_at: Time.nullable() })
export type Metric = z.infer<typeof Metric>

export const MetricRef = z.strictObject({ key: Id })

const CENTURY = 100 * 365 * 24 * 60 * 60
export const MetricPut = z.strictObject({ value: JsonValue, ttl_seconds: z.number().int().min(1).max(CENTURY).optional() })
