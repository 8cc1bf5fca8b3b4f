import { afterAll, beforeAll, expect, test } from 'vitest'
import { purgeEvents } from '../../functions/analytics/jobs.postgres.ts'
import { plain } from '../../shared/db/database.ts'
import { event, jobs, openAnalytics, scopeOf } from './support.ts'

let analytics: Awaited<ReturnType<typeof openAnalytics>>
beforeAll(async () => {
  analytics = await openAnalytics({ DB_POOL_SIZE: '20' })
})
afterAll(() => analytics.stop())

const now = () => new Date().toISOString()
const count = async (from: string) => Number((await analytics.database.sql<{ n: string }>(`select count(*) as n from ${from}`))[0]?.n)

/** Events of an open transaction, and what ends it. */
const open = async (organization: string, events: ReturnType<typeof event>[], meanwhile: () => Promise<unknown>) =>
  analytics.db.session(async run => {
    await run([plain('begin')])
    const unit = { id: 'open', hash: Buffer.alloc(32), run, commit: async () => {}, onEnd: () => {} }
    await analytics.events.ingest({ ...scopeOf(organization), unit }, events, now())
    await meanwhile()
    await run([plain('select 1'), plain('commit')])
  })

test('many who need the same new months at once make each of them once, and lose no event', async () => {
  const months = Array.from({ length: 12 }, (_, n) => `1999-${String(n + 1).padStart(2, '0')}-15T00:00:00.000Z`)
  const batch = (who: number) => months.map((at, n) => event(`${who}.${n}`, at))
  await Promise.all(Array.from({ length: 20 }, (_, who) => analytics.events.ingest(scopeOf('many'), batch(who), now())))
  expect(await count("analytics_events where organization_id = 'many'")).toBe(240)
  expect(await count("analytics_events_default where organization_id = 'many'")).toBe(0)
})

test('a new month is made beside readers and writers of the others, whose transactions stay open', async () => {
  await open('busy', [event('a', now())], async () => {
    await analytics.events.ingest(scopeOf('busy'), [event('b', '1998-01-01T00:00:00.000Z')], now())
  })
  expect(await count('analytics_events_1998_01')).toBe(1)
  expect(await count("analytics_events where organization_id = 'busy'")).toBe(2)
})

test('a month whose events are still being written is dropped only after them, and all of it is counted', async () => {
  const scope = scopeOf('late')
  await analytics.events.ingest(scope, [event('a', '1997-01-01T00:00:00.000Z')], now())
  const purge = () => purgeEvents(analytics.db, 24).run(jobs)
  await open('late', [event('b', '1997-01-02T00:00:00.000Z')], async () => {
    await expect(purge()).rejects.toMatchObject({ code: 'unavailable' })
    expect(await count('analytics_events_1997_01')).toBe(1)
  })
  expect(await purge()).toBeGreaterThan(0)
  expect(await count("event_rollups where organization_id = 'late'")).toBe(2)
  expect(await count("analytics_events where organization_id = 'late'")).toBe(0)
})

test('events of a month that come again while it ends are there already, and their batch is taken', async () => {
  const old = event('old', '1996-01-01T00:00:00.000Z')
  await analytics.database.sql("update analytics_retention set closed_before = '-infinity'")
  await analytics.events.ingest(scopeOf('again'), [old], now())
  let [waiting, purging]: [Promise<unknown>, Promise<unknown>] = [Promise.resolve(), Promise.resolve()]
  await open('again', [event('first', now())], async () => {
    waiting = analytics.events.ingest(scopeOf('again'), [event('first', now()), old], now()) // it has looked which months are closed
    await new Promise(resolve => setTimeout(resolve, 200))
    purging = purgeEvents(analytics.db, 24)
      .run(jobs)
      .catch(() => {})
    await new Promise(resolve => setTimeout(resolve, 500))
  })
  expect(await waiting).toEqual({ accepted: 0, refused: [] })
  await purging
  expect(await count("event_rollups where organization_id = 'again' and count > 1")).toBe(0)
})
