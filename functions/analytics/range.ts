import { invalid } from '../../shared/errors.ts'
import type { Interval } from './timeseries.schema.ts'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const YEAR = 366 * DAY

/** How far back a series goes unless said, and how far it may go. */
const usual = { hour: DAY, day: 30 * DAY, week: 12 * 7 * DAY, month: YEAR }
const most = { hour: 400 * DAY, day: 10 * YEAR, week: 30 * YEAR, month: 140 * YEAR }

type Asked = { from?: string | undefined; to?: string | undefined }
type Range = { from: string; to: string }

const bounded = (from: number, to: number, longest: number): Range => {
  if (from >= to) throw invalid('from', 'must lie before to')
  if (from < -DAY || to > Date.UTC(2101)) throw invalid('from', 'there are no events before 1970, and none after 2100')
  if (to - from > longest) throw invalid('from', `must lie no more than ${longest / DAY} days before to`)
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() }
}

/** The time that a series covers, at least: until now, and from as far back as is usual, unless it is said. Throws invalid_request. */
export const rangeOf = ({ from, to }: Asked, interval: Interval, now: string): Range => {
  const until = Date.parse(to ?? now) + (to === undefined ? 1 : 0)
  return bounded(from === undefined ? until - usual[interval] : Date.parse(from), until, most[interval])
}

const midnight = (time: number): number => Math.floor(time / DAY) * DAY

/** The days that a report covers, as midnights in UTC: the last 30, today among them, unless it is said. Throws invalid_request. */
export const daysOf = ({ from, to }: Asked, now: string): Range => {
  const until = to === undefined ? midnight(Date.parse(now)) + DAY : midnight(Date.parse(to) + DAY - 1)
  return bounded(from === undefined ? until - 30 * DAY : midnight(Date.parse(from)), until, 10 * YEAR)
}
