import { z } from 'zod'
import { Time } from '../../shared/shapes.ts'

/** Every report there is; reports.postgres.ts says what is in each. */
export const ReportName = z.enum(['daily_events', 'agent_activity', 'conversation_volume', 'revenue'])
export type ReportName = z.infer<typeof ReportName>

export const ReportRef = z.strictObject({ name: z.string() })

/** `from` is the first day, the day before `to` the last; without them the last 30 days, today among them. */
export const ReportQuery = z.strictObject({ from: Time, to: Time }).partial()

const Refreshed = Time.nullable()
export const Reports = z.object({ items: z.array(z.object({ name: ReportName, refreshed_at: Refreshed })) })

const day = z.iso.date()
const events = z.number().int()
const minor = z.number().int().meta({ description: 'minor units of the currency' })
export const Report = z.object({
  refreshed_at: Refreshed,
  items: z.array(
    z.union([
      z.object({ day, event_type: z.string(), events }),
      z.object({ day, agent_id: z.string().nullable(), events }),
      z.object({ day, agent_id: z.string().nullable(), conversations: z.number().int(), messages: z.number().int() }),
      z.object({ day, currency: z.string(), received: minor, refunded: minor, net: minor }),
    ]),
  ),
})
