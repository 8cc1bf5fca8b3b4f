import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { freePort } from '../support/server.ts'

let app: Running
beforeAll(async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  app = await run({ UPSTASH_REDIS_REST_URL: nobody, UPSTASH_REDIS_REST_TOKEN: 'token', RATE_LIMIT_PER_MINUTE: '5', LOG_LEVEL: 'warning' })
})
afterAll(() => app.stop())

test('while Redis is away the limit still holds, counted in this process, and nobody waits for it', async () => {
  const { call } = await app.organization()
  const begun = performance.now()
  const answers = []
  for (let i = 0; i < 12; i++) answers.push((await call('GET', '/organizations/me')).status)
  expect(answers.filter(status => status === 429).length).toBeGreaterThanOrEqual(1)
  expect(answers.filter(status => status === 200).length).toBeGreaterThanOrEqual(5)
  expect(performance.now() - begun).toBeLessThan(10_000)
  expect(app.log.join('')).toContain('Redis failed, and is not asked for a while')
})
