import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Series } from '../../functions/analytics/store.ts'
import { Refusal } from '../../shared/errors.ts'
import { randomOf } from '../support/random.ts'
import { event, openAnalytics, scopeOf } from './support.ts'

let analytics: Awaited<ReturnType<typeof openAnalytics>>
beforeAll(async () => {
  analytics = await openAnalytics()
})
afterAll(() => analytics.stop())

const ZONES = [
  'UTC',
  'Europe/Prague',
  'America/New_York',
  'Asia/Kolkata', // + 5:30
  'Asia/Kathmandu', // + 5:45
  'Australia/Lord_Howe', // its clock changes by half an hour
  'America/Sao_Paulo', // had days that began at 1:00
  'Pacific/Apia', // had no 30 December 2011
  'Africa/Casablanca',
]
/** Days about which clocks change somewhere. */
const DAYS = ['2011-12-29', '2015-05-17', '2018-11-03', '2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31']
const HOUR = 3_600_000

type Item = { bucket: string; group?: string | null; count: number }
const ask = async (organization: string, series: Partial<Series>): Promise<Item[]> => {
  const body = await analytics.counts.series(scopeOf(organization), {
    interval: 'day',
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-01-02T00:00:00.000Z',
    tz: 'UTC',
    event_type: undefined,
    group_by: undefined,
    ...series,
  })
  return JSON.parse(body).items
}

/** The same from the events themselves, by the zone's own rules: truncated twice, for a clock that moves by half an hour breaks an hour. */
const recount = (organization: string, { interval, tz, from, to, event_type, group_by }: Series) =>
  analytics.database.sql<{ bucket: string; group: string | null; count: number }>(
    `select iso(bucket) as bucket, ${group_by ?? 'null'} as "group", count(*)::int as count
    from analytics_events, lateral (select date_trunc($2, date_trunc($2, created_at, $3), $3) as bucket) b
    where organization_id = $1 and bucket >= date_trunc($2, date_trunc($2, $4::timestamptz, $3), $3) and bucket < $5::timestamptz
      and ($6::text is null or event_type = $6)
    group by 1, 2`,
    [organization, interval, tz, from, to, event_type ?? null],
  )

test('in any zone, about any change of its clock, a series counts what there is: rolled up, not yet, and some of both', async () => {
  const random = randomOf(7)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const near = (day: string) => new Date(Date.parse(day) + Math.floor(random() * 60 * HOUR)).toISOString()
  await analytics.database.sql(
    `insert into agents (organization_id, id, name, version, created_at, updated_at)
    select 'zones', a, a, 1, now(), now() from unnest(array['ada', 'bob']) a`,
  )
  const events = (n: number) =>
    Array.from({ length: 300 }, (_, i) =>
      event(`e${n}.${i}`, near(pick(DAYS)), { event_type: pick(['opened', 'closed', 'sent']), agent_id: pick(['ada', 'bob', null]) }),
    )
  for (const part of [0, 1, 2]) {
    await analytics.events.ingest(scopeOf('zones'), events(part), new Date().toISOString())
    if (part === 1) await analytics.rollUp()
    for (let n = 0; n < 40; n++) {
      const from = near(pick(DAYS))
      const interval = pick(['hour', 'day', 'week', 'month'] as const)
      const length = { hour: 80, day: 1000, week: 5000, month: 130_000 }[interval] * HOUR
      const series: Series = {
        interval,
        from,
        to: new Date(Date.parse(from) + 1 + Math.floor(random() * length)).toISOString(),
        tz: pick(ZONES),
        event_type: pick([undefined, 'opened']),
        group_by: pick([undefined, 'event_type', 'agent_id'] as const),
      }
      const items = await ask('zones', series)
      const counted = items.filter(({ count }) => count > 0).map(({ bucket, group = null, count }) => `${bucket} ${group} ${count}`)
      const expected = (await recount('zones', series)).map(({ bucket, group, count }) => `${bucket} ${group} ${count}`)
      expect([series, counted.toSorted()]).toEqual([series, expected.toSorted()])
    }
  }
}, 120_000)

test('buckets are whole, in their order, and none is left out', async () => {
  const scope = scopeOf('gaps')
  await analytics.events.ingest(
    scope,
    [event('a', '2026-01-02T00:00:00.000Z'), event('b', '2026-01-05T23:59:59.999Z')],
    '2026-01-06T00:00:00.000Z',
  )
  const items = await ask('gaps', { from: '2026-01-01T12:00:00.000Z', to: '2026-01-05T00:00:00.001Z' })
  expect(items.map(({ bucket, count }) => [bucket.slice(8, 10), count])).toEqual([
    ['01', 0],
    ['02', 1],
    ['03', 0],
    ['04', 0],
    ['05', 1],
  ])
  expect((await ask('gaps', { from: '2026-01-01T00:00:00.000Z', to: '2026-01-05T00:00:00.000Z' })).map(({ count }) => count)).toEqual([
    0, 1, 0, 0,
  ])
})

test('a day lasts 23 or 25 hours where clocks change, and an hour that comes twice is two', async () => {
  const spring = await ask('none', {
    interval: 'hour',
    tz: 'Europe/Prague',
    from: '2026-03-28T23:00:00.000Z',
    to: '2026-03-29T22:00:00.000Z',
  })
  expect(spring.length).toBe(23)
  const autumn = await ask('none', {
    interval: 'day',
    tz: 'Europe/Prague',
    from: '2026-10-24T22:00:00.000Z',
    to: '2026-10-26T23:00:00.000Z',
  })
  expect(autumn.map(({ bucket }) => bucket)).toEqual(['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'])
})

test('where a clock moves by a part of an hour, an event is in the same bucket before and after it is rolled up', async () => {
  const at = (day: string, ...times: string[]) => times.map(time => event(`${day}${time}`, `${day}T${time}:00.000Z`))
  const [autumn, spring] = [at('2026-04-04', '14:10', '14:40', '15:10', '15:40'), at('2026-10-03', '14:40', '15:10', '15:40', '16:10')]
  await analytics.events.ingest(scopeOf('island'), [...autumn, ...spring], '2026-01-06T00:00:00.000Z')
  const counted = async (from: string, to: string) =>
    (await ask('island', { interval: 'hour', tz: 'Australia/Lord_Howe', from, to })).map(({ bucket, count }) => [
      bucket.slice(11, 16),
      count,
    ])
  for (const folded of [false, true]) {
    if (folded) await analytics.rollUp()
    expect(await counted('2026-04-04T13:30:00.000Z', '2026-04-04T16:30:00.000Z')).toEqual([
      ['13:00', 0],
      ['14:00', 3],
      ['15:30', 1],
    ])
    expect(await counted('2026-10-03T15:59:00.000Z', '2026-10-03T16:01:00.000Z')).toEqual([
      ['14:30', 3],
      ['16:00', 1],
    ])
  }
})

test('the first day of all is counted, in buckets that begin before it too', async () => {
  await analytics.events.ingest(
    scopeOf('first'),
    [event('a', '1970-01-01T00:00:00.000Z'), event('b', '1970-01-01T03:20:00.000Z', { event_type: 'closed' })],
    '2026-01-06T00:00:00.000Z',
  )
  const range = { from: '1969-12-31T22:00:00.000Z', to: '1970-01-01T04:00:00.000Z', tz: 'America/New_York' }
  for (const folded of [false, true]) {
    if (folded) await analytics.rollUp()
    expect((await ask('first', { ...range, interval: 'hour' })).map(({ count }) => count)).toEqual([0, 0, 1, 0, 0, 1])
    for (const interval of ['day', 'week', 'month'] as const)
      expect((await ask('first', { ...range, interval })).map(({ count }) => count)).toEqual([2])
    expect((await ask('first', { ...range, group_by: 'event_type' })).map(({ group, count }) => [group, count])).toEqual([
      ['closed', 1],
      ['opened', 1],
    ])
  }
})

test('groups are those that occur, each with every bucket; events of no agent are a group', async () => {
  const scope = scopeOf('groups')
  await analytics.database.sql(
    "insert into agents (organization_id, id, name, version, created_at, updated_at) values ('groups', 'ada', 'Ada', 1, now(), now())",
  )
  const given = [event('a', '2026-01-01T00:00:00.000Z', { agent_id: 'ada' }), event('b', '2026-01-02T00:00:00.000Z')]
  await analytics.events.ingest(scope, given, '2026-01-06T00:00:00.000Z')
  for (const folded of [false, true]) {
    if (folded) await analytics.rollUp()
    expect(await ask('groups', { to: '2026-01-03T00:00:00.000Z', group_by: 'agent_id' })).toEqual([
      { bucket: '2026-01-01T00:00:00.000Z', group: 'ada', count: 1 },
      { bucket: '2026-01-01T00:00:00.000Z', group: null, count: 0 },
      { bucket: '2026-01-02T00:00:00.000Z', group: 'ada', count: 0 },
      { bucket: '2026-01-02T00:00:00.000Z', group: null, count: 1 },
    ])
    expect(await ask('groups', { group_by: 'agent_id', event_type: 'none' })).toEqual([])
  }
})

test('a zone that stood beside the quarters of an hour is refused for that time, and too many items are', async () => {
  const refused = (series: Partial<Series>, path: string) =>
    expect(ask('zones', series)).rejects.toSatisfy(
      error => error instanceof Refusal && error.code === 'invalid_request' && error.errors?.[0]?.path === path,
    )
  const early = { from: '1971-01-01T00:00:00.000Z', to: '1971-01-03T00:00:00.000Z' }
  await refused({ ...early, tz: 'Africa/Monrovia' }, 'tz')
  expect((await ask('zones', { ...early, tz: 'UTC' })).length).toBe(2)
  await refused({ interval: 'hour', from: '2026-01-01T00:00:00.000Z', to: '2027-06-01T00:00:00.000Z' }, 'from')
})
