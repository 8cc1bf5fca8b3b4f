import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_KEY } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'
import { walkUnderLoad } from './load.ts'

let app: Running
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '2' })
})
afterAll(() => app.stop())

test('the six stages forward and all the way back under load: every request is served, and nothing is lost, doubled or different', async () => {
  const { url, database } = app
  const walked = await walkUnderLoad({
    url,
    adminKey: ADMIN_KEY,
    sql: database.sql as never,
    clients: 50,
    entries: 300,
    dwell: 20,
    seed: Number(process.env.TEST_SEED ?? 20261123),
  })
  expect(walked.faults).toEqual([])
  expect(walked.steps.map(({ collection, to }) => `${collection} ${to}`)).toHaveLength(33)
  expect(walked.answered).toBeGreaterThan(33 * 20)
}, 120_000)
