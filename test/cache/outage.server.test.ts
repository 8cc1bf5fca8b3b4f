import { afterAll, beforeAll, expect } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { redisTest } from '../support/redis.ts'
import { useRedis } from './support.ts'

const stand = useRedis()
let app: Running
beforeAll(async () => {
  if (!stand.bridge) return
  app = await run({
    UPSTASH_REDIS_REST_URL: stand.bridge.url,
    UPSTASH_REDIS_REST_TOKEN: stand.bridge.token,
    RATE_LIMIT_PER_MINUTE: '1000000',
  })
})
afterAll(() => app?.stop())

redisTest(
  'Redis killed and revived, and silent, under load: every answer is right, and none waits longer than its patience',
  async () => {
    const { call } = await app.organization()
    const { id } = (await call('POST', '/agents', { name: 'a', configuration: { n: 0 } })).body
    await app.admin('POST', '/jobs/refresh-reports')
    let [over, n] = [false, 0]
    const times: number[] = []
    const faults: unknown[] = []
    const timed = async (path: string, right: (body: ReturnType<typeof JSON.parse>) => boolean) => {
      const begun = performance.now()
      const { status, body } = await call('GET', path)
      times.push(performance.now() - begun)
      if (status !== 200 || !right(body)) faults.push([path, status, body])
    }
    const readers = Array.from({ length: 4 }, async () => {
      while (!over) {
        const seen = n
        await timed(`/agents/${id}`, body => body.configuration.n >= seen)
        await timed('/analytics/reports/daily_events', body => Array.isArray(body.items))
      }
    })
    const writer = async () => {
      while (!over) {
        const { status } = await call('PATCH', `/agents/${id}`, { configuration: { n: n + 1 } })
        if (status === 200) n++
        else faults.push(['PATCH', status])
        if (n % 5 === 0) await app.admin('POST', '/jobs/refresh-reports')
      }
    }
    const writing = writer()
    const served = async (more: number) => {
      const before = times.length
      await expect.poll(() => times.length, { timeout: 30_000 }).toBeGreaterThan(before + more)
    }
    await served(50)
    for (let round = 0; round < 3; round++) {
      await stand.server.kill()
      await served(50)
      await stand.server.revive()
      await served(50)
      stand.bridge.become('silent')
      await served(50)
      stand.bridge.become('open')
      await served(50)
    }
    over = true
    await Promise.all([...readers, writing])
    expect(faults).toEqual([])
    times.sort((a, b) => a - b)
    // a request asks Redis at most three times (rate, turn, fill), each no longer than its patience, and seldom at all while it fails
    expect(times.at(-1)).toBeLessThan(5000)
    expect(times[Math.floor(times.length * 0.9)]).toBeLessThan(1000)
    await stand.bridge.redis('flushall')
    const shared = async () => (await call('GET', `/agents/${id}`)) && stand.bridge.redis('keys', '*rate:*')
    await expect.poll(shared, { timeout: 30_000 }).not.toEqual([]) // and then it counts in Redis again
  },
  120_000,
)
