import type { Child } from '../support/children.ts'
import { type Load, load, median } from '../support/load.ts'
import { type Bench, type Ground, gateway, refreshReports } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'

/** The history that a refresh is measured over first; then over ten times as much. */
const HISTORY = Number(process.env.BENCH_HISTORY ?? 1_000_000)
/** Events of a day, and new ones before each refresh. */
const DAILY = Number(process.env.BENCH_DAILY ?? 10_000)
const NEW = Number(process.env.BENCH_NEW ?? 20_000)
const TIMES = 7
const CLIENTS = 16
const SECONDS = 10
const DAY = 86_400_000

const agents = `insert into agents (organization_id, id, name, version, created_at, updated_at)
select 'acme', 'agent_' || n, 'Agent', nextval('row_version'), now(), now() from generate_series(0, 19) n`

/** Events number $1 to $2, counted back from now, $3 of them a day: 5 types of 20 agents. */
const fill = `insert into analytics_events (organization_id, id, event_type, event_data, agent_id, version, created_at, updated_at)
select 'acme', $4 || n, (array['message_sent', 'message_received', 'search', 'booking', 'payment'])[n % 5 + 1],
  jsonb_build_object('session', n % 1000, 'path', '/articles/dynamic-dns-with-dhcp/', 'status', 200), 'agent_' || n / 5 % 20, nextval('row_version'),
  now() - n * interval '1 day' / $3::int, now()
from generate_series($1::int, $2::int) n`

const months = `select make_event_months(array(
  select (date_trunc('month', now() at time zone 'UTC') - n * interval '1 month')::date from generate_series(0, $1::int) n))`

const CHUNK = 100_000

/** Runs the job, and says how many milliseconds it took. */
const refresh = async (ours: Child): Promise<number> => {
  const start = performance.now()
  await refreshReports(ours)
  return performance.now() - start
}

const filled = async (sql: Ground['sql'], ours: Child, from: number, to: number): Promise<void> => {
  for (let first = from; first < to; first += CHUNK) {
    await sql(fill, [first, Math.min(first + CHUNK, to) - 1, DAILY, 'h'])
    await refresh(ours)
  }
}

/** What a refresh takes after so many new events, of today and yesterday. */
const refreshed = async (sql: Ground['sql'], ours: Child, serial: () => number): Promise<number> => {
  await refresh(ours)
  const took: number[] = []
  for (let n = 0; n < TIMES; n++) {
    await sql(fill, [0, NEW - 1, NEW / 2, `n${serial()}-`])
    took.push(await refresh(ours))
  }
  return median(took)
}

/** What a refresh costs by the history behind it, and what a month of it costs to read. */
export const reports: Bench = {
  name: 'reports',
  about: `refresh after ${NEW} new events over ${HISTORY} and ${10 * HISTORY} (${DAILY} a day), and a month of them read by ${CLIENTS} clients`,
  run: async ({ serve, organization, sql }) => {
    const ours = await serve(gateway, { DB_STATEMENT_TIMEOUT_MS: '60000' })
    const { key } = await organization(ours, 'acme')
    await sql(agents)
    await sql(months, [Math.ceil((10 * HISTORY) / DAILY / 28) + 1])
    let n = 0
    const serial = () => ++n
    const measured = async (from: number, to: number): Promise<number> => {
      await filled(sql, ours, from, to)
      await sql('vacuum analyze')
      return refreshed(sql, ours, serial)
    }
    const small = await measured(0, HISTORY)
    const large = await measured(HISTORY, 10 * HISTORY)

    const middle = Date.now() - (5 * HISTORY * DAY) / DAILY
    const month = `from=${new Date(middle).toISOString()}&to=${new Date(middle + 30 * DAY).toISOString()}`
    const headers = { authorization: `Bearer ${key}` }
    const asked: [string, string][] = [
      ['series by day', `/analytics/timeseries?interval=day&${month}`],
      ['series by day and type', `/analytics/timeseries?interval=day&group_by=event_type&${month}`],
      ['series by day and agent, a zone', `/analytics/timeseries?interval=day&group_by=agent_id&tz=Asia/Kolkata&${month}`],
      ['series by day and agent, of a type', `/analytics/timeseries?interval=day&group_by=agent_id&event_type=search&${month}`],
      ['series by hour', `/analytics/timeseries?interval=hour&${month}`],
      ['report daily_events', `/analytics/reports/daily_events?${month}`],
      ['report daily_events, the last month', '/analytics/reports/daily_events'],
      ['report agent_activity', `/analytics/reports/agent_activity?${month}`],
    ]
    const found: [string, Load][] = []
    const [, series] = asked[1] as [string, string]
    const json = await (await fetch(ours.url + series, { headers })).text()
    const constant = await serve('test/bench/children/constant', { BODY: json })
    found.push(['a constant of that size', await load({ url: constant.url, headers }, SECONDS, CLIENTS)])
    for (const [what, path] of asked) {
      await load({ url: ours.url + path, headers }, 2, CLIENTS)
      found.push([what, await load({ url: ours.url + path, headers }, SECONDS, CLIENTS)])
    }
    return {
      table: [
        ['', ...loadColumns],
        ...found.map(([what, one]) => [what, ...loadCells(one)]),
        [`refresh over ${HISTORY}, ms`, '', small.toFixed(0), ''],
        [`refresh over ${10 * HISTORY}, ms`, '', large.toFixed(0), ''],
      ],
      targets: [
        { what: 'refresh over ten times the history / over one', value: large / small, most: 1.5 },
        ...found.slice(1).map(([what, { p99 }]) => ({ what: `${what}: p99 ms`, value: p99, most: 100 })),
      ],
    }
  },
}
