import { afterAll, beforeAll, expect } from 'vitest'
import { type Call, type Running, run, runOver } from '../support/http.ts'
import { measured } from '../support/metrics.ts'
import { redisTest, useRedis } from './support.ts'

const stand = useRedis()
let one: Running
let two: Running
beforeAll(async () => {
  if (!stand.bridge) return
  one = await run({ UPSTASH_REDIS_REST_URL: stand.bridge.url, UPSTASH_REDIS_REST_TOKEN: stand.bridge.token, RATE_LIMIT_PER_MINUTE: '0' })
  two = await runOver({ ...one.database, drop: async () => {} })
})
afterAll(async () => {
  await two?.stop()
  await one?.stop()
})

const DAILY = '/analytics/reports/daily_events'
const refresh = async (app: Running) => expect((await app.admin('POST', '/jobs/refresh-reports')).status).toBe(200)
const happen = (call: Call, event_type: string, occurred_at = new Date().toISOString()) =>
  call('POST', '/analytics/events', { event_type, occurred_at })
const loads = async (name: string): Promise<number> => {
  const label = `statement="reports.load_${name}",outcome="ok"`
  const counts = [one, two].map(({ shared }) => measured(shared.metrics, 'db_query_duration_seconds_count', label))
  return (await Promise.all(counts)).reduce((sum, count) => sum + count)
}
const typesIn = ({ body }: { body: { items: { event_type: string }[] } }) => body.items.map(({ event_type }) => event_type)

redisTest('a report is read once for all processes, and anew by all when it has been refreshed anywhere', async () => {
  const { key, call } = await one.organization()
  await happen(call, 'a')
  await refresh(one)
  const before = await loads('daily_events')
  const all = await Promise.all(Array.from({ length: 40 }, (_, n) => (n % 2 ? one : two).as(key)('GET', DAILY)))
  expect(new Set(all.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
  expect([all.map(typesIn)[0], (await loads('daily_events')) - before]).toEqual([['a'], 1])
  await happen(call, 'b')
  for (const app of [one, two]) expect(typesIn(await app.as(key)('GET', DAILY))).toEqual(['a'])
  await refresh(two)
  for (const app of [one, two, one]) expect(typesIn(await app.as(key)('GET', DAILY))).toEqual(['a', 'b'])
  expect((await loads('daily_events')) - before).toBe(2)
})

redisTest('what is cached is given to nobody whom Postgres refuses, and to no other organization', async () => {
  const [mine, other] = [await one.organization(), await one.organization()]
  await happen(mine.call, 'mine')
  await mine.call('POST', '/agents', { id: 'a', name: 'Mine', configuration: { secret: 'mine' } })
  await refresh(one)
  const { id, secret } = (await mine.call('POST', '/organizations/api-keys', { name: 'k', role: 'viewer' })).body
  for (const app of [one, two, one]) {
    expect(typesIn(await app.as(secret)('GET', DAILY))).toEqual(['mine'])
    expect((await app.as(secret)('GET', '/agents/a')).body.configuration).toEqual({ secret: 'mine' })
    expect(typesIn(await app.as(other.key)('GET', DAILY))).toEqual([])
    expect((await app.as(other.key)('GET', '/agents/a')).status).toBe(404)
  }
  expect((await one.as(mine.key)('DELETE', `/organizations/api-keys/${id}`)).status).toBe(204)
  for (const app of [one, two]) for (const path of [DAILY, '/agents/a']) expect((await app.as(secret)('GET', path)).status).toBe(401)
})

redisTest('days that are not materialized are never cached: what is removed of them is gone at once', async () => {
  const { call, key } = await one.organization()
  const path = '/analytics/reports/conversation_volume?from=2020-01-01T00:00:00Z'
  await call('POST', '/agents', { id: 'a', name: 'A' })
  await call('POST', '/conversations', { id: 'c', agent_id: 'a' })
  await one.database.sql("update conversations set created_at = '2020-02-29T12:00:00Z' where id = 'c'")
  await refresh(one)
  for (const app of [one, two]) expect((await app.as(key)('GET', path)).body.items).toHaveLength(1)
  expect((await one.as(key)('DELETE', '/conversations/c')).status).toBe(204)
  for (const app of [two, one]) expect((await app.as(key)('GET', path)).body.items).toEqual([])
})

redisTest('an agent that one process has read is read again where another has changed, removed or made it anew', async () => {
  const { key } = await one.organization()
  const [here, there] = [one.as(key), two.as(key)]
  const configuration = { text: 'x'.repeat(50_000) }
  const hits = () => measured(two.shared.metrics, 'cache_looks_total', 'cache="agents",tier="process",outcome="hit"')
  const { body: made } = await here('POST', '/agents', { id: 'a', name: 'first', configuration })
  const before = await hits()
  for (let n = 0; n < 3; n++) expect((await there('GET', '/agents/a')).body).toEqual(made)
  expect((await hits()) - before).toBe(2)
  for (let n = 0; n < 5; n++) {
    const { body, headers } = await here('PATCH', '/agents/a', { name: `name ${n}` })
    const seen = await there('GET', '/agents/a')
    expect([seen.body, seen.headers.get('etag')]).toEqual([body, headers.get('etag')])
    expect((await there('GET', '/agents/a', undefined, { 'if-none-match': headers.get('etag') as string })).status).toBe(304)
  }
  expect((await here('DELETE', '/agents/a')).status).toBe(204)
  expect((await there('GET', '/agents/a')).status).toBe(404)
  const { body: again } = await here('POST', '/agents', { id: 'a', name: 'again' })
  for (let n = 0; n < 2; n++) expect((await there('GET', '/agents/a')).body).toEqual(again)
})
