import type { z } from 'zod'
import { invalid } from '../../shared/errors.ts'
import { refusalOf } from '../../shared/http/problem.ts'
import { newId } from '../../shared/id.ts'
import type { Json } from '../../shared/json.ts'
import { EventCreate, type Rejected } from './schema.ts'
import type { Ingested, NewEvent, Refused } from './store.ts'

const YEAR_MS = 366 * 24 * 60 * 60 * 1000

/** A time as `iso()` writes it: in UTC, milliseconds, and microseconds only where they were given (what is beyond them is cut off). */
export const utcOf = (time: string): string => {
  const micros = /\.\d{3}(\d{1,3})/.exec(time)?.[1]?.padEnd(3, '0') ?? '000'
  const text = new Date(time).toISOString()
  return micros === '000' ? text : `${text.slice(0, -1)}${micros}Z`
}

/** Throws invalid_request for a time that no event can have. */
const occurred = (time: string, now: string): string => {
  const at = Date.parse(time)
  if (at < 0 || at > Date.parse(now) + YEAR_MS) throw invalid('occurred_at', 'must lie between 1970 and a year from now')
  return utcOf(time)
}

export const newEvent = (event: EventCreate, now: string): NewEvent => {
  const { event_id: id = newId('evt'), event_type, event_data = {}, agent_id = null, occurred_at = now } = event
  return { id, event_type, event_data, agent_id, created_at: occurred(occurred_at, now) }
}

const whyRefused = {
  agent: { path: 'agent_id', message: 'there is no such agent' },
  month: { path: 'occurred_at', message: 'the events of that month are kept no longer' },
}

/** The refusal of one event that was sent by itself. */
export const refusalOfEvent = ({ reason }: Refused) => invalid(whyRefused[reason].path, whyRefused[reason].message)

/** Looks at each event of a batch: those that can be sent on, with their places in the batch, and those that cannot. */
export const sorted = (given: readonly Json[], now: string): { events: NewEvent[]; places: number[]; rejected: Rejected[] } => {
  const events: NewEvent[] = []
  const places: number[] = []
  const rejected: Rejected[] = []
  for (const [index, one] of given.entries())
    try {
      events.push(newEvent(parsed(one), now))
      places.push(index)
    } catch (error) {
      rejected.push({ index, code: 'invalid_request', message: (error as Error).message })
    }
  return { events, places, rejected }
}

const parsed = (given: Json): z.output<typeof EventCreate> => {
  const result = EventCreate.safeParse(given)
  if (result.success) return result.data
  throw refusalOf(result.error, 'body')
}

/** The answer to a batch: what became of each, by its place. */
export const answerOf = ({ accepted, refused }: Ingested, { events, places, rejected }: ReturnType<typeof sorted>) => ({
  accepted,
  duplicates: events.length - accepted - refused.length,
  rejected: [
    ...rejected,
    ...refused.map(({ index, reason }) => {
      const { path, message } = whyRefused[reason]
      return { index: places[index] as number, code: 'invalid_request', message: `${path}: ${message}` }
    }),
  ].sort((a, b) => a.index - b.index),
})
