import { afterAll, beforeAll, expect } from 'vitest'
import { openPool } from '../../shared/db/pool.ts'
import { runBehindProxy } from '../support/behind.ts'
import type { TestDatabase } from '../support/database.ts'
import { migrationsDir } from '../support/global.ts'
import { type Call, type Running, runOver } from '../support/http.ts'
import { redisTest, useRedis } from './support.ts'

const stand = useRedis()
const PASSWORD = 'correct horse battery'
let one: Awaited<ReturnType<typeof runBehindProxy>>
let two: Running
beforeAll(async () => {
  if (!stand.bridge) return
  const { url, token } = stand.bridge
  const redis = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }
  one = await runBehindProxy({ ...redis, MIGRATION_INITIAL_STAGE: 'live', RATE_LIMIT_PER_MINUTE: '100000' })
  const config = { ...one.database.config, database: { kind: 'url' as const, url: one.database.url as string } }
  const open: TestDatabase['open'] = (role = 'agenthub_app') => openPool(config, role, migrationsDir)
  two = await runOver({ ...one.database, config, open, drop: async () => {} }) // past the proxy
})
afterAll(async () => {
  await two?.stop()
  await one?.stop()
})

const person = async (call: Call, app: Running) => {
  const email = `${Math.random().toString(36).slice(2)}@example.com`
  const { body } = await call('POST', '/organizations/users', { email, password: PASSWORD, role: 'member' })
  const login = async (by: Running = app): Promise<string> =>
    (await by.as(undefined)('POST', '/organizations/sessions', { email, password: PASSWORD })).body.token
  return { id: body.id as string, login }
}
const expiry = async (token: string): Promise<number> => {
  const [row] = await one.database.sql<{ left: number }>(
    "select extract(epoch from expires_at - now())::int as left from sessions where token_hash = sha256(convert_to($1, 'UTF8'))",
    [token],
  )
  return row?.left as number
}
/** As if the session had last been used so many seconds ago. */
const age = (token: string, seconds: number) =>
  one.database.sql(
    `update sessions set last_used_at = last_used_at - make_interval(secs => $2), expires_at = expires_at - make_interval(secs => $2)
where token_hash = sha256(convert_to($1, 'UTF8'))`,
    [token, seconds],
  )

const life = async (): Promise<void> => {
  const { call } = await two.organization()
  const { id, login } = await person(call, two)
  const get = (app: Running, token: string) => app.as(token)('GET', '/organizations/me')
  const [first, second, third] = [await login(one), await login(two), await login(one)]
  for (const app of [one, two]) for (const token of [first, second, third]) expect((await get(app, token)).status).toBe(200)
  // a use slides the end, an old end is the end
  await age(first, 23 * 3600)
  expect(await expiry(first)).toBeLessThan(3700)
  expect((await get(one, first)).status).toBe(200)
  expect(await expiry(first)).toBeGreaterThan(86_000)
  await age(first, 25 * 3600)
  for (const app of [one, two]) expect((await get(app, first)).status).toBe(401)
  // a logout there is one here
  expect((await one.as(second)('DELETE', '/organizations/sessions/current')).status).toBe(204)
  for (const app of [two, one]) expect((await get(app, second)).status).toBe(401)
  expect((await get(two, third)).status).toBe(200)
  expect((await call('DELETE', `/organizations/users/${id}/sessions`)).status).toBe(204)
  for (const app of [one, two]) expect((await get(app, third)).status).toBe(401)
}

redisTest(
  'sessions begin, slide and end at once in every process: with Redis, without it, and when it comes back',
  async () => {
    await life()
    stand.bridge.become('silent')
    await life()
    stand.bridge.become('open')
    await stand.server.kill()
    await life()
    await stand.server.revive()
    await life()
  },
  120_000,
)

redisTest(
  'in live, memory serves no session that another process has ended, though Postgres cannot be asked',
  async () => {
    const [mine, other] = [await two.organization(), await two.organization()]
    const [ada, bob] = [await person(mine.call, two), await person(other.call, two)]
    const [session, key, theirs] = [await ada.login(), mine.key, await bob.login()]
    await one.as(key)('POST', '/agents', { id: 'a', name: 'A' })
    await one.as(other.key)('POST', '/agents', { id: 'a', name: 'A' })
    const get = async (token: string) => (await one.as(token)('GET', '/agents/a')).status
    for (const token of [session, key, theirs]) expect(await get(token)).toBe(200)
    one.proxy.cut()
    await one.proxy.close()
    try {
      for (const token of [session, key, theirs]) expect(await get(token)).toBe(200) // from memory
      expect((await two.as(session)('DELETE', '/organizations/sessions/current')).status).toBe(204)
      expect([await get(session), await get(key), await get(theirs)]).toEqual([503, 503, 200])
      stand.bridge.become('silent')
      expect(await get(theirs)).toBe(503) // nobody can tell whether it has ended
      stand.bridge.become('open')
      await expect.poll(() => get(theirs), { timeout: 20_000 }).toBe(200)
    } finally {
      await one.proxy.reopen()
    }
    await expect.poll(() => get(session), { timeout: 20_000 }).toBe(401)
    expect(await get(key)).toBe(200)
  },
  120_000,
)
