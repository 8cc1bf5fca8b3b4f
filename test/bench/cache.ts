import { stampede } from '../cache/stampede.ts'
import { type Asking, timed } from '../support/closed.ts'
import { median } from '../support/load.ts'
import { startBridge } from '../support/redis.bridge.ts'
import { startRedis } from '../support/redis.ts'
import { type Bench, type Ground, gateway, outdir, refreshReports } from './ground.ts'

const CLIENTS = 4
const MILLISECONDS = 3000
const ROUNDS = 11
const KILOBYTES = 900

/** 26 days of 300 types of events: a report of about 400 KB. */
const totals = `insert into event_totals (organization_id, id, day, dimension, value, count, running, version, created_at, updated_at)
select 'acme', d::date || ' t' || n, d::date, 'event_type', 't' || n, 96, (select array_agg(i) from generate_series(1, 96) i), nextval('row_version'), now(), now()
from generate_series(current_date - 25, current_date, interval '1 day') d, generate_series(1, 300) n`

/** Milliseconds of a read after `change`, which makes what is cached old, and of those after it. */
const coldAndWarm = async (read: () => Promise<string>, change: () => Promise<string>): Promise<{ cold: number; warm: number }> => {
  const [cold, warm] = [[] as number[], [] as number[]]
  const time = async (into: number[]) => {
    const begun = performance.now()
    await read()
    into.push(performance.now() - begun)
  }
  for (let round = 0; round < ROUNDS; round++) {
    await change()
    await time(cold)
    for (let n = 0; n < 5; n++) await time(warm)
  }
  return { cold: median(cold), warm: median(warm) }
}

const inRedis = async ({ serve, organization, agent, sql, call }: Ground) => {
  const server = await startRedis()
  const bridge = await startBridge(server.port)
  try {
    const crowd = await stampede(`${outdir}/test/cache/child.js`, bridge, 10, 100, 300)
    const redis = { UPSTASH_REDIS_REST_URL: bridge.url, UPSTASH_REDIS_REST_TOKEN: bridge.token }
    const ours = await serve(gateway, { ...redis, DB_STATEMENT_TIMEOUT_MS: '60000' })
    const { key } = await organization(ours, 'acme')
    const send = call(ours, key)
    await sql(totals)
    const report = await coldAndWarm(
      () => send('GET', '/analytics/reports/daily_events'),
      () => refreshReports(ours),
    )
    const configuration = Object.fromEntries(Array.from({ length: KILOBYTES * 10 }, (_, n) => [`key ${n}`, 'x'.repeat(90)]))
    await send('POST', '/agents', { id: 'large', name: 'Large', configuration })
    let serial = 0
    const large = await coldAndWarm(
      () => send('GET', '/agents/large'),
      () => send('PATCH', '/agents/large', { name: `Large ${++serial}` }),
    )
    const { path } = await agent(ours, key)
    const asking: Asking = { method: 'GET', url: ours.url + path, headers: { authorization: `Bearer ${key}` }, body: '' }
    const clients = Array.from({ length: CLIENTS }, () => asking)
    await timed(clients, MILLISECONDS)
    const up = await timed(clients, MILLISECONDS)
    await server.kill()
    const down = await timed(clients, MILLISECONDS)
    return { crowd, report, large, up, down }
  } finally {
    await bridge.close()
    await server.kill()
  }
}

/** What caching saves, and what Redis's absence costs. Every read is still authenticated by Postgres, in one trip. */
export const cache: Bench = {
  name: 'cache',
  about: `10 processes x 100 callers on a cold key; reads of what is cached; ${CLIENTS} clients while Redis is up, and from its end on (rates are counted in it)`,
  run: async ground => {
    const { crowd, report, large, up, down } = await inRedis(ground)
    const ms = (milliseconds: number) => milliseconds.toFixed(2)
    return {
      table: [
        ['', 'p50 ms', 'p99 ms'],
        ['a report of 400 KB after its refresh', ms(report.cold), ''],
        ['the same again', ms(report.warm), ''],
        [`an agent of ${KILOBYTES} KB after a change`, ms(large.cold), ''],
        ['the same again', ms(large.warm), ''],
        ['an agent, Redis up', ms(up.p50), ms(up.p99)],
        ['an agent, Redis killed', ms(down.p50), ms(down.p99)],
      ],
      targets: [
        { what: 'loads of a cold key by 10 processes x 100 callers', value: crowd.loads, most: 1 },
        { what: 'report: again / after its refresh, p50', value: report.warm / report.cold, most: 0.5 },
        { what: 'large agent: again / after a change, p50', value: large.warm / large.cold, most: 1 },
        { what: 'an agent: Redis killed / up, p50', value: down.p50 / up.p50, most: 1.5 },
      ],
    }
  },
}
