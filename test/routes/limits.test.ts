import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run({ RATE_LIMIT_PER_MINUTE: '5' })
})
afterAll(() => app.stop())

test('a key makes so many requests a minute, is told how many are left, and then when to come back', async () => {
  const { call } = await app.organization()
  const answers = []
  for (let n = 0; n < 11; n++) answers.push(await call('GET', '/agents'))
  // The minute may turn once on the way: one of two windows then holds six or more of the eleven.
  const refused = answers.find(({ status }) => status === 429)
  expect(refused?.body.code).toBe('rate_limited')
  expect(refused?.headers.get('ratelimit-limit')).toBe('5')
  expect(refused?.headers.get('ratelimit-remaining')).toBe('0')
  expect(Number(refused?.headers.get('ratelimit-reset'))).toBeGreaterThan(0)
  expect(refused?.headers.get('retry-after')).toBe(refused?.headers.get('ratelimit-reset'))
  expect(answers[0]?.headers.get('ratelimit-remaining')).toBe('4')
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(5)
})

test('one key does not use up another, and health asks for none', async () => {
  const { key } = await app.organization()
  const call = app.as(key)
  for (let n = 0; n < 6; n++) await call('GET', '/agents')
  const second = await app.organization()
  expect((await second.call('GET', '/agents')).status).toBe(200)
  for (let n = 0; n < 12; n++) expect((await app.as(undefined)('GET', '/health/live')).status).toBe(200)
})
