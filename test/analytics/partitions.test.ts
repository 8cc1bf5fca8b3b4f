import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventPartitions, purgeEvents } from '../../functions/analytics/jobs.postgres.ts'
import { postgresEvents } from '../../functions/analytics/postgres.ts'
import type { Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { event, jobs, openAnalytics, scopeOf } from './support.ts'

let analytics: Awaited<ReturnType<typeof openAnalytics>>
const log: string[] = []
beforeAll(async () => {
  analytics = await openAnalytics()
})
afterAll(() => analytics.stop())

const june = { from: '2015-06-01T00:00:00.000Z', to: '2015-07-01T00:00:00.000Z' }
const now = () => new Date().toISOString()
const maintain = () =>
  eventPartitions(
    analytics.db,
    makeLog('info', undefined, line => log.push(line)),
  ).run(jobs)
const homes = async (organization: string) =>
  (
    await analytics.database.sql<{ home: string }>(
      'select tableoid::regclass::text as home from analytics_events where organization_id = $1 order by id',
      [organization],
    )
  ).map(({ home }) => home)
const months = async () =>
  (await analytics.database.sql<{ month: string }>('select month::text from event_months() month')).map(({ month }) => month)

test('an event of long ago makes a partition of its own month', async () => {
  const given = ['1970-01-01T00:00:00.000Z', '2015-05-17T10:05:03.000Z', '2015-05-31T23:59:59.999Z', '2015-06-01T00:00:00.000Z']
  await analytics.events.ingest(
    scopeOf('old'),
    given.map((at, n) => event(`e${n}`, at)),
    now(),
  )
  expect(await homes('old')).toEqual([
    'analytics_events_1970_01',
    'analytics_events_2015_05',
    'analytics_events_2015_05',
    'analytics_events_2015_06',
  ])
})

test("a month's events are read from its partition alone, by its index", async () => {
  let asked: Statement | undefined
  const noting = async (_: Scope, statement: Statement) => {
    asked = statement
    return []
  }
  await postgresEvents({ ...analytics.db, read: noting } as Database).list(scopeOf('old'), { limit: 50, after: undefined }, june)
  const { text, values } = asked as Statement
  const plan = await analytics.db.read(scopeOf('old'), { name: 'explain', text: `explain (costs off) ${text}`, values })
  const partitions = new Set(plan.join('\n').match(/ on analytics_events\w*/g))
  expect([...partitions]).toEqual([' on analytics_events_2015_06'])
  expect(plan.join('\n')).toMatch(/Index Scan using \w+ on analytics_events_2015_06/)
})

test('the month that is and twelve to come have their partitions, and again when one is missing', async () => {
  expect(await maintain()).toBe(0)
  const present = new Date()
  const last = new Date(Date.UTC(present.getUTCFullYear(), present.getUTCMonth() + 12, 1)).toISOString().slice(0, 10)
  expect((await months()).at(-1)).toBe(last)
  await analytics.database.sql(`drop table analytics_events_${last.slice(0, 7).replace('-', '_')}`)
  expect(await maintain()).toBe(1)
  expect((await months()).at(-1)).toBe(last)
})

test('what lies in the default partition moves to where it belongs, is told in the log, and is counted once', async () => {
  await analytics.database.sql(
    `insert into analytics_events (organization_id, id, event_type, version, created_at, updated_at)
    values ('stray', 'a', 'opened', 1, '2001-02-03T00:00:00Z', now())`,
  )
  expect(await homes('stray')).toEqual(['analytics_events_default'])
  await maintain()
  expect(await homes('stray')).toEqual(['analytics_events_2001_02'])
  expect(log.filter(line => line.includes('default partition')).map(line => JSON.parse(line).month)).toEqual(['2001-02-01'])
  const counted = await analytics.database.sql("select count::int from event_deltas where organization_id = 'stray'")
  expect(counted).toEqual([{ count: 1 }])
})

test('retention closes months, and drops them once they are counted; keys go along, counts stay', async () => {
  const scope = scopeOf('kept')
  const recent = now()
  await analytics.events.ingest(scope, [event('old', '2020-02-29T12:00:00.000Z'), event('new', recent)], recent)
  expect(await purgeEvents(analytics.db, undefined).run(jobs)).toBe(0)
  expect(await months()).toContain('2020-02-01')
  const purged = await purgeEvents(analytics.db, 24).run(jobs)
  expect(purged).toBeGreaterThan(0)
  const left = await months()
  expect(left.filter(month => month < recent.slice(0, 8))).toEqual([])
  expect((await analytics.events.list(scope, { limit: 9, after: undefined }, {})).items.map(({ id }) => id)).toEqual(['new'])
  const counted = await analytics.database.sql(
    "select hour, count::int from event_rollups where organization_id = 'kept' and count > 0 order by 1 limit 1",
  )
  expect(counted).toEqual([{ hour: new Date('2020-02-29T12:00:00.000Z'), count: 1 }])
  const keys = await analytics.database.sql("select id from analytics_event_keys where organization_id = 'kept'")
  expect(keys).toEqual([{ id: 'new' }])
  // a retry of what is gone is refused rather than counted again
  const again = await analytics.events.ingest(scope, [event('fresh', recent), event('old', '2020-02-29T12:00:00.000Z')], recent)
  expect(again).toEqual({ accepted: 1, refused: [{ index: 1, reason: 'month' }] })
  expect(await purgeEvents(analytics.db, 24).run(jobs)).toBe(0)
})

test('no month is closed while a process may hold all events in memory', async () => {
  const stage = (name: string) =>
    analytics.database.sql(
      `insert into migration_stages (collection, stage) values ('analytics_data', $1) on conflict (collection) do update set stage = excluded.stage`,
      [name],
    )
  const scope = scopeOf('staged')
  const moment = new Date(Date.now() - 100 * 24 * 3_600_000).toISOString()
  await analytics.events.ingest(scope, [event('a', moment)], now())
  for (const name of ['off', 'dualwrite', 'shadow', 'live']) {
    await stage(name)
    expect([name, await purgeEvents(analytics.db, 1).run(jobs)]).toEqual([name, 0])
  }
  expect(await homes('staged')).toEqual([`analytics_events_${moment.slice(0, 7).replace('-', '_')}`])
  await stage('complete')
  expect(await purgeEvents(analytics.db, 1).run(jobs)).toBeGreaterThan(0)
  expect(await homes('staged')).toEqual([])
})
