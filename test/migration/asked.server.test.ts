import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Running, runOver } from '../support/http.ts'

/** `home` holds the memory; `away` is the migration function alone, in a process of its own. */
let database: TestDatabase
let home: Running
let away: Running
beforeAll(async () => {
  database = await makeTestDatabase({ MIGRATION_INITIAL_STAGE: 'dualwrite', MIGRATION_STAGE_CACHE_SECONDS: '1' })
  home = await runOver({ ...database, drop: async () => {} })
  away = await runOver({ ...database, drop: async () => {} }, 'migration')
})
afterAll(async () => {
  await Promise.all([home.stop(), away.stop()])
  await database.drop()
})

const COUNTERS = '/migration/collections/counters'
const shown = async () => (await away.admin('GET', COUNTERS)).body
const eventually = (read: () => Promise<unknown>) => expect.poll(read, { timeout: 10_000, interval: 50 })

test('rule 14: a comparison asked of a process without the memory is made by its holder, and the collection shows what it found', async () => {
  const { call, id } = await home.organization()
  await call('POST', '/agents/counters/a/increment', {})
  const asked = await away.admin('POST', `${COUNTERS}/verify`)
  expect([asked.status, asked.headers.get('location')]).toEqual([202, COUNTERS])
  await eventually(async () => (await shown()).verification).toMatchObject({ equal: true, compared: 1, repaired: 0 })
  expect((await shown()).clean_pass).toBe(true)

  await database.sql('update counters set value = 9 where organization_id = $1', [id])
  expect((await away.admin('POST', `${COUNTERS}/verify`)).status).toBe(202)
  await eventually(async () => (await shown()).verification).toMatchObject({ equal: false, compared: 1, repaired: 1, differences: 1 })
  expect((await call('GET', '/agents/counters/a')).body.value).toBe(9)
  const runs = await database.sql('select id from migration_runs')
  expect(runs, 'each wish is taken up once').toHaveLength(2)
})

test('rule 14: the steps of a collection are asked of a process without the memory, and taken by its holder', async () => {
  const { call } = await home.organization()
  await call('POST', '/agents/counters/a/increment', {})
  for (const stage of ['shadow', 'dualwrite', 'off'] as const) {
    const asked = { stage, expected_epoch: (await shown()).epoch }
    const { body, status } = await away.admin('POST', `${COUNTERS}/stage`, asked, { 'x-request-id': `to-${stage}` })
    expect([status, body.stage]).toEqual([200, stage])
    const text = 'select actor, entity_type, entity_id, after from audit_events where request_id = $1'
    const left = await database.sql(text, [`to-${stage}`])
    expect(left).toEqual([{ actor: 'admin', entity_type: 'migration_stage', entity_id: 'counters', after: { stage, epoch: body.epoch } }])
  }
  const illegal = await away.admin('POST', `${COUNTERS}/stage`, { stage: 'live', expected_epoch: (await shown()).epoch })
  expect([illegal.status, illegal.body.code]).toEqual([409, 'conflict'])
})

test('rule 14: where there are not both to compare, a comparison is refused', async () => {
  await away.admin('GET', '/migration/collections')
  await database.sql(`update migration_stages set stage = 'complete', epoch = epoch + 1 where collection = 'conversations'`)
  expect((await away.admin('POST', '/migration/collections/conversations/verify')).status).toBe(409)
})
