import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAnalytics } from './support.ts'

const MANY = 20_000

let analytics: Awaited<ReturnType<typeof openAnalytics>>
beforeAll(async () => {
  analytics = await openAnalytics()
})
afterAll(() => analytics.stop())

test('what came at once is rolled up in steps of their own length, though the planner takes the queue for an empty one', async () => {
  const { sql } = analytics.database
  const ingest = (batch: string) =>
    sql(
      `insert into analytics_events (organization_id, id, event_type, agent_id, version, created_at, updated_at)
      select 'org', $1 || n, 'opened', 'agt-' || n / 96, n, date_trunc('day', now()) + n % 96 * interval '15 minutes', now()
      from generate_series(1, $2::int) n`,
      [batch, MANY],
    )
  await ingest('first')
  expect(await analytics.rollUp()).toBe(MANY)
  await sql('vacuum (truncate false) event_deltas') // its pages hold no row now, and are there for the next
  await ingest('second')
  expect(await analytics.rollUp()).toBe(MANY)
  expect(await sql('select from event_deltas')).toEqual([])
  expect(await sql('select sum(count)::int as count from event_rollups')).toEqual([{ count: 2 * MANY }])
})
