import { found } from '../../shared/http/found.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { answerOf, newEvent, refusalOfEvent, sorted, utcOf } from './ingest.ts'
import { daysOf, rangeOf } from './range.ts'
import { Report, ReportQuery, ReportRef, Reports } from './reports.schema.ts'
import { Event, EventFilter, EventsCreate, Ingested } from './schema.ts'
import type { CountStore, EventStore, ReportStore } from './store.ts'
import { SeriesItems, SeriesQuery } from './timeseries.schema.ts'

const route = routesOf<{ events: EventStore; counts: CountStore; reports: ReportStore }>()

export const eventRoutes = [
  route({
    method: 'post',
    path: '/events',
    summary: 'Take in an event, or up to 5,000: each counts once, by its event_id',
    role: 'member',
    body: EventsCreate,
    returns: Ingested,
    bodyLimit: MANY,
    handle: async ({ body, scope, now }, { events }) => {
      if ('events' in body) {
        const batch = sorted(body.events, now)
        return answerOf(await events.ingest(scope, batch.events, now), batch)
      }
      const { accepted, refused } = await events.ingest(scope, [newEvent(body, now)], now)
      if (refused[0]) throw refusalOfEvent(refused[0])
      return { accepted, duplicates: 1 - accepted, rejected: [] }
    },
  }),
  route({
    method: 'get',
    path: '/events',
    summary: 'List events, the latest first',
    role: 'viewer',
    query: EventFilter,
    lists: Event,
    handle: ({ query, scope, slice }, { events }) => {
      const { from, to } = query
      return events.list(scope, slice, { ...query, ...(from && { from: utcOf(from) }), ...(to && { to: utcOf(to) }) })
    },
  }),
  route({
    method: 'get',
    path: '/timeseries',
    summary: 'Count events in buckets of local time, gaps filled with 0',
    role: 'viewer',
    query: SeriesQuery,
    returns: SeriesItems,
    handle: async ({ query, scope, now }, { counts }) => {
      const { interval, tz, event_type, group_by } = query
      const series = { interval, tz, event_type, group_by, ...rangeOf(query, interval, now) }
      return { reply: { body: await counts.series(scope, series) } }
    },
  }),
  route({
    method: 'get',
    path: '/reports',
    summary: 'List the reports, and when they were refreshed',
    role: 'viewer',
    returns: Reports,
    handle: async ({ scope }, { reports }) => ({ reply: { body: await reports.list(scope) } }),
  }),
  route({
    method: 'get',
    path: '/reports/:name',
    summary: 'Get a report by the day (UTC), the latest first',
    role: 'viewer',
    params: ReportRef,
    query: ReportQuery,
    returns: Report,
    handle: async ({ params, query, scope, now }, { reports }) => {
      const { from, to } = daysOf(query, now)
      return { reply: { body: found('report', params.name, await reports.get(scope, params.name, from, to)) } }
    },
  }),
]
