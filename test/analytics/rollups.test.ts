import { afterAll, beforeAll, expect, test } from 'vitest'
import { purgeEvents } from '../../functions/analytics/jobs.postgres.ts'
import { plain } from '../../shared/db/database.ts'
import { engine } from '../support/database.ts'
import { randomOf } from '../support/random.ts'
import { differences, event, jobs, keepEvery, openAnalytics, scopeOf } from './support.ts'

/** Histories that are tried; `npm run bench -- loops` tries a thousand. */
const SEEDS = Number(process.env.TEST_ROLLUP_SEEDS ?? (engine === 'server' ? 40 : 10))
const STEPS = 10
const TIME_OUT = 180_000 + SEEDS * 1000
const KEPT_MONTHS = 3
const HOUR = 3_600_000
const AGENTS = ['ada', 'bob', null] as const

let analytics: Awaited<ReturnType<typeof openAnalytics>>
beforeAll(async () => {
  analytics = await openAnalytics()
  for (const statement of keepEvery) await analytics.database.sql(statement)
})
afterAll(() => analytics.stop())

type Batch = { organization: string; events: ReturnType<typeof event>[] }

/** What happens in one history: new events, late ones, retries with other times, transactions that stay open, retention, rolling up. */
const historyOf = (seed: number) => {
  const random = randomOf(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const sent: Batch[] = []
  let serial = 0

  const moment = (lateness: readonly number[] = [0, 0, 0, 1, 26, 24 * 40, 24 * 200]): string => {
    const late = pick(lateness) * HOUR
    return new Date(Date.now() - late - Math.floor(random() * 2 * HOUR)).toISOString()
  }
  const fresh = (lateness?: readonly number[]): Batch => ({
    organization: pick([`org_${seed}_a`, `org_${seed}_b`]),
    events: Array.from({ length: 1 + Math.floor(random() * 8) }, () =>
      event(`e${++serial}`, moment(lateness), { event_type: pick(['opened', 'closed']), agent_id: pick(AGENTS) }),
    ),
  })
  const again = ({ organization, events }: Batch): Batch =>
    random() < 0.5 ? { organization, events } : { organization, events: events.map(one => ({ ...one, created_at: moment() })) }
  const next = (): Batch => {
    const batch = sent.length > 0 && random() < 0.3 ? again(pick(sent)) : fresh()
    sent.push(batch)
    return batch
  }
  const send = async ({ organization, events }: Batch) =>
    void (await analytics.events.ingest(scopeOf(organization), events, new Date().toISOString()))

  const hold = ({ organization, events }: Batch, undone: boolean, meanwhile: () => Promise<unknown>) =>
    analytics.db.session(async run => {
      await run([plain('begin')])
      const unit = { id: 'held', hash: Buffer.alloc(32), run, commit: async () => {}, onEnd: () => {} }
      await analytics.events.ingest({ ...scopeOf(organization), unit }, events, new Date().toISOString())
      await meanwhile()
      await run([plain('select 1'), plain(undone ? 'rollback' : 'commit')])
    })
  const purge = () => purgeEvents(analytics.db, KEPT_MONTHS).run(jobs)

  const step = async (): Promise<unknown> => {
    const choice = random()
    if (choice < 0.4) return send(next())
    if (choice < 0.6) return analytics.rollUp()
    if (choice < 0.7) return Promise.all([send(next()), send(next()), analytics.rollUp(), analytics.rollUp()])
    if (choice < 0.8) return random() < 0.5 ? purge() : Promise.all([send(next()), purge()])
    // one connection cannot hold a transaction open and do something else
    if (engine === 'embedded') return send(next())
    const [held, other] = [next(), fresh([0])] // what needs a partition waits for whoever is making one
    return hold(held, random() < 0.3, () => Promise.all([send(other), analytics.rollUp()]))
  }
  return { step }
}

test(
  'rolled up again and again, in whatever order and beside whoever writes, the counts are those of the events',
  async () => {
    let dropped = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      await analytics.database.sql("update analytics_retention set closed_before = '-infinity'")
      await analytics.database.sql(
        `insert into agents (organization_id, id, name, version, created_at, updated_at)
      select o, a, a, 1, now(), now() from unnest($1::text[]) o, unnest(array['ada', 'bob']) a`,
        [[`org_${seed}_a`, `org_${seed}_b`]],
      )
      const { step } = historyOf(seed)
      for (let n = 0; n < STEPS; n++) {
        await step()
        if (n % 4 === 0) expect([seed, await differences(analytics.database, `org_${seed}_`, false)]).toEqual([seed, []])
      }
      await analytics.rollUp()
      expect([seed, await differences(analytics.database, `org_${seed}_`, true)]).toEqual([seed, []])
      const [gone] = await analytics.database.sql<{ n: number }>(
        'select ((select count(*) from every_event) - (select count(*) from analytics_events))::int as n',
      )
      dropped = gone?.n ?? 0
    }
    expect(dropped).toBeGreaterThan(0)
  },
  TIME_OUT,
)
