import { z } from 'zod'
import { JsonValue, Time } from '../../shared/shapes.ts'

export const AuditEvent = z.object({
  id: z.string(),
  actor: z.string(),
  on_behalf_of: z.string().nullable(),
  action: z.enum(['create', 'update', 'remove']),
  entity_type: z.string(),
  entity_id: z.string(),
  request_id: z.string().nullable(),
  address: z.string().nullable(),
  reason: z.string().nullable(),
  /** Of an update: the fields that it changed, as they were and as they became. Secrets read [redacted]. */
  before: JsonValue,
  after: JsonValue,
  created_at: Time,
})
export type AuditEvent = z.infer<typeof AuditEvent>

/** `from` is included, `to` is not. */
export const AuditFilter = z
  .strictObject({
    actor: z.string(),
    action: z.enum(['create', 'update', 'remove']),
    entity_type: z.string(),
    entity_id: z.string(),
    from: Time,
    to: Time,
  })
  .partial()
export type AuditFilter = z.infer<typeof AuditFilter>

/** The first event that is not as it was sealed, and what was done: a cut took it and all that were sealed after it. */
export const Broken = z.object({ id: z.string(), kind: z.enum(['edit', 'deletion', 'insertion', 'reordering', 'cut']) })
export type Broken = z.infer<typeof Broken>

/** Numbers of events. */
export const Verified = z.object({
  valid: z.boolean(),
  sealed: z.number().int(),
  unsealed: z.number().int(),
  broken: Broken.optional(),
})
export type Verified = z.infer<typeof Verified>
