import { z } from 'zod'
import { Time } from '../../shared/shapes.ts'

export const Interval = z.enum(['hour', 'day', 'week', 'month'])
export type Interval = z.infer<typeof Interval>

const isZone = (name: string): boolean => {
  try {
    return /^[A-Za-z]/.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}

/** Buckets are whole: the first holds `from`, the last ends at `to` or behind it. Without `from`, as many as are usual. */
export const SeriesQuery = z.strictObject({
  interval: Interval,
  from: Time.optional(),
  to: Time.optional(),
  tz: z.string().max(64).refine(isZone, 'must be the name of a time zone, as Europe/Prague').default('UTC'),
  event_type: z.string().optional(),
  group_by: z.enum(['event_type', 'agent_id']).optional(),
})

/** `bucket` is when it begins; `group` is there where one was asked for (null: events of no agent). */
export const SeriesItems = z.object({
  items: z.array(z.object({ bucket: Time, group: z.string().nullable().optional(), count: z.number().int() })),
})
