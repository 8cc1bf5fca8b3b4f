import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleTo } from '../support/bundle.ts'
import { ADMIN_KEY, makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { crash } from './crash.ts'

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await makeTestDatabase()
  folder = await bundleTo(`dist/crash-${process.pid}`, ['functions/start'])
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

test('a process killed at any moment, in every stage that writes Postgres, loses nothing that was acknowledged and does nothing twice', async () => {
  const seed = Number(process.env.TEST_SEED ?? 20261122)
  const found = await crash({
    script: `${folder}/functions/start.js`,
    environment: {
      DATABASE_URL: database.url as string,
      AGENTHUB_ADMIN_KEY: ADMIN_KEY,
      PORT: '0',
      LOG_LEVEL: 'warning',
      RATE_LIMIT_PER_MINUTE: '0',
      MIGRATION_STAGE_CACHE_SECONDS: '1',
    },
    adminKey: ADMIN_KEY,
    sql: database.sql as never,
    seed,
    kills: [
      ['dualwrite', 3],
      ['shadow', 2],
      ['live', 3],
      ['rampdown', 2],
    ],
  })
  expect(found).toMatchObject({ kills: 10, faults: [] })
  expect(found.acknowledged).toBeGreaterThan(500)
  expect(found.unknown).toBeGreaterThan(0)
}, 120_000)
