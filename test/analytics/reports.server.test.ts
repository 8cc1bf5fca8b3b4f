import { afterAll, beforeAll, expect, test } from 'vitest'
import { refreshReports } from '../../functions/analytics/jobs.postgres.ts'
import { postgresReports } from '../../functions/analytics/reports.postgres.ts'
import { ReportName } from '../../functions/analytics/reports.schema.ts'
import type { ReportStore } from '../../functions/analytics/store.ts'
import { text } from '../../shared/cache/codecs.ts'
import { plain } from '../../shared/db/database.ts'
import { event, jobs, openAnalytics, scopeOf } from './support.ts'

let analytics: Awaited<ReturnType<typeof openAnalytics>>
let reports: ReportStore
beforeAll(async () => {
  analytics = await openAnalytics()
  reports = postgresReports(analytics.db, analytics.shared.cache({ name: 'reports', codec: text, seconds: 60, bytes: 2 ** 20 }))
  await analytics.database.sql(
    "insert into organizations (id, name, version, created_at, updated_at) values ('org', 'Org', 1, now(), now())",
  )
})
afterAll(() => analytics.stop())

const DAY = 24 * 3_600_000
const range = () =>
  [new Date(Math.floor(Date.now() / DAY) * DAY - 9 * DAY), new Date(Math.floor(Date.now() / DAY + 1) * DAY)].map(at => at.toISOString())
const read = async (name: ReportName) => {
  const [from, to] = range() as [string, string]
  return JSON.parse((await reports.get(scopeOf('org'), name, from, to)) as string) as {
    refreshed_at: string
    items: { events: number }[]
  }
}
const sum = ({ items }: { items: { events: number }[] }) => items.reduce((all, { events }) => all + events, 0)

test('who reads a report while it is refreshed is never kept waiting, and sees it whole: as it was or as it became', async () => {
  let sent = 0
  const send = async () => {
    const events = Array.from({ length: 100 }, () => event(`e${sent++}`, new Date(Date.now() - Math.random() * 8 * DAY).toISOString()))
    await analytics.events.ingest(scopeOf('org'), events, new Date().toISOString())
  }
  await send()
  await refreshReports(analytics.db).run(jobs)
  let over = false
  const waits: number[] = []
  const reading = async () => {
    while (!over) {
      const start = performance.now()
      const seen = sum(await read('daily_events'))
      waits.push(performance.now() - start)
      expect(seen % 100).toBe(0)
    }
  }
  const readers = [reading(), reading()]
  // a refresh that does not end: its transaction stays open while others read on
  await analytics.db.session(async run => {
    await run([plain('begin'), plain("select set_config('role', 'agenthub_jobs', true)")])
    await send()
    for (const name of ReportName.options) await run([{ name: 'refresh', text: 'select refresh_report($1)', values: [name] }])
    const before = waits.length
    while (waits.length < before + 20) await new Promise(resolve => setTimeout(resolve, 5))
    expect(sum(await read('daily_events'))).toBe(100)
    await run([plain('select 1'), plain('commit')])
  })
  for (let n = 0; n < 3; n++) {
    await send()
    await refreshReports(analytics.db).run(jobs)
  }
  over = true
  await Promise.all(readers)
  expect(sum(await read('daily_events'))).toBe(sent)
  expect(waits.length).toBeGreaterThan(20)
})

test('two who refresh a report at once do it one after the other', async () => {
  await Promise.all([refreshReports(analytics.db).run(jobs), refreshReports(analytics.db).run(jobs)])
  for (const name of ReportName.options) expect((await read(name)).refreshed_at).toEqual(expect.any(String))
})
