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
