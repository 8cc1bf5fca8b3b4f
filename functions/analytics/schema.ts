import { z } from 'zod'
import { Id, JsonObject, JsonValue, Time } from '../../shared/shapes.ts'

/** What happened. `created_at` is when it occurred. */
export const Event = z.object({
  id: z.string(),
  event_type: z.string(),
  event_data: JsonValue,
  agent_id: z.string().nullable(),
  created_at: Time,
})
export type Event = z.infer<typeof Event>

/** An event as it comes in. With an `event_id` of its own it is counted once, however often it is sent. */
export const EventCreate = z.strictObject({
  event_id: Id.optional(),
  event_type: Id,
  event_data: JsonObject.optional(),
  agent_id: Id.nullable().optional(),
  /** Now unless said; from 1970 until a year from now. */
  occurred_at: Time.optional(),
})
export type EventCreate = z.infer<typeof EventCreate>

export const MOST_EVENTS = 5000

/** One event, or several, each of which is looked at by itself: a bad one keeps no other from being accepted. */
export const EventsCreate = z.union([z.strictObject({ events: z.array(JsonValue).min(1).max(MOST_EVENTS) }), EventCreate])

export const Rejected = z.object({ index: z.number().int(), code: z.string(), message: z.string() })
export type Rejected = z.infer<typeof Rejected>

export const Ingested = z.object({ accepted: z.number().int(), duplicates: z.number().int(), rejected: z.array(Rejected) })

/** `from` is included, `to` is not. */
export const EventFilter = z.strictObject({ event_type: z.string(), agent_id: z.string(), from: Time, to: Time }).partial()
export type EventFilter = z.infer<typeof EventFilter>
