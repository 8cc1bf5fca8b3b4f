import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresEvents } from '../../functions/analytics/postgres.ts'
import type { Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { walk } from '../stores/support.ts'
import { randomOf } from '../support/random.ts'
import { event, openAnalytics, scopeOf } from './support.ts'

let analytics: Awaited<ReturnType<typeof openAnalytics>>
beforeAll(async () => {
  analytics = await openAnalytics()
})
afterAll(() => analytics.stop())

const HOUR = 3_600_000
const START = Date.parse('2026-01-01T00:00:00.000Z')
const at = (hours: number) => new Date(START + Math.round(hours * HOUR)).toISOString()
const agents = (organization: string) =>
  analytics.database.sql(
    `insert into agents (organization_id, id, name, version, created_at, updated_at)
    select $1, a, a, 1, now(), now() from unnest(array['ada', 'bob']) a`,
    [organization],
  )

type Filter = { event_type: string; agent_id?: string; from?: string; to?: string }
/** The same from all events of the organization. */
const expected = async (organization: string, { event_type, agent_id, from = '-infinity', to = 'infinity' }: Filter) =>
  (
    await analytics.database.sql<{ id: string }>(
      `select id from analytics_events where organization_id = $1 and event_type = $2 and ($3::text is null or agent_id = $3)
        and created_at >= $4 and created_at < $5 order by created_at desc, id desc`,
      [organization, event_type, agent_id ?? null, from, to],
    )
  ).map(({ id }) => id)

test('events of a type are listed whole over any pages: rolled up, not yet, some of both, and where some were taken away', async () => {
  const random = randomOf(11)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  await agents('pages')
  for (const part of [0, 1, 2, 3]) {
    const events = Array.from({ length: 80 }, (_, n) =>
      event(`e${part}.${n}`, at(pick([random() * 3, random() * 60, 24 * 40 + random()])), {
        event_type: pick(['opened', 'opened', 'opened', 'closed', `once${part}.${n}`]),
        agent_id: pick(['ada', 'bob', null]),
      }),
    )
    await analytics.events.ingest(scopeOf('pages'), events, at(0))
    if (part === 1) await analytics.rollUp()
    if (part === 2) await analytics.database.sql("delete from analytics_events where organization_id = 'pages' and id like '%7'")
    for (let n = 0; n < 8; n++) {
      const [from, to] = [random() * 50, random() * 1000]
      const filter: Filter = {
        event_type: pick(['opened', 'closed', 'once1.5', 'never']),
        ...(random() < 0.3 ? { agent_id: pick(['ada', 'nobody']) } : {}),
        ...(random() < 0.4 ? { from: at(from) } : {}),
        ...(random() < 0.4 ? { to: at(from + to) } : {}),
      }
      const limit = pick([3, 8, 50])
      const pages = await walk(slice => analytics.events.list(scopeOf('pages'), slice, filter), limit)
      expect([filter, limit, pages.flat()]).toEqual([filter, limit, await expected('pages', filter)])
    }
  }
}, 120_000)

/** How many events a list has looked at. */
const looked = async (scope: Scope, filter: Filter, after: [string, string] | undefined): Promise<number> => {
  let asked: Statement | undefined
  const noting = async (_: Scope, statement: Statement) => {
    asked = statement
    return []
  }
  await postgresEvents({ ...analytics.db, read: noting } as Database).list(scope, { limit: 50, after }, filter)
  const { text, values } = asked as Statement
  const rows = await analytics.db.read(scope, { name: 'explain', text: `explain (analyze, timing off, format json) ${text}`, values })
  const sum = (plan: Plan): number => {
    const own = plan['Relation Name']?.startsWith('analytics_events_2') ? plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0) : 0
    return own * plan['Actual Loops'] + (plan.Plans ?? []).reduce((all, one) => all + sum(one), 0)
  }
  return sum(JSON.parse(rows.map(([line]) => line).join('\n'))[0].Plan)
}
type Plan = {
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

test('a page of a rare type looks at the hours that have some, and one of a type that never was at none', async () => {
  await analytics.database.sql(
    `insert into analytics_events (organization_id, id, event_type, version, created_at, updated_at)
    select 'rare', n, case when n % 6000 = 5 then 'rare' else 'common' end, n, timestamptz '${at(0)}' + n * interval '5 minutes', now()
    from generate_series(1, 24000) n`,
  )
  await analytics.database.sql('analyze analytics_events')
  const scope = scopeOf('rare')
  for (const folded of [false, true]) {
    if (folded) await analytics.rollUp()
    expect(await looked(scope, { event_type: 'never' }, undefined)).toBe(0)
    expect(await looked(scope, { event_type: 'rare' }, undefined)).toBeLessThanOrEqual(4 * 12)
    expect(await looked(scope, { event_type: 'common' }, [at(1000), ''])).toBeLessThan(51 * 13)
    const { items } = await analytics.events.list(scope, { limit: 50, after: undefined }, { event_type: 'rare' })
    expect(items.map(({ id }) => id)).toEqual(['18005', '12005', '6005', '5'])
  }
})
