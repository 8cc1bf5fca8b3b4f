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

test('rule 14: what the holder measured is shown by a process without the memory', async () => {
  const { call } = await home.organization()
  for (let n = 0; n < 3; n++) await call('POST', '/agents/counters/measured/increment', {})
  await eventually(async () => (await shown()).measured).toMatchObject({ compared: 0, agreement: null, errors: 0, fallbacks: 0 })
})

test('rule 14: a step that asks for a clean pass is refused at once without one, and nothing is left to be taken up later', async () => {
  const path = '/migration/collections/faqs_store'
  const { call } = await home.organization()
  await call('GET', '/rag/faqs')
  await home.admin('POST', `${path}/stage`, { stage: 'shadow', expected_epoch: (await home.admin('GET', path)).body.epoch })
  const { epoch } = (await away.admin('GET', path)).body
  const refused = await away.admin('POST', `${path}/stage`, { stage: 'live', expected_epoch: epoch })
  expect([refused.status, refused.body.detail]).toEqual([409, 'live needs a clean pass (POST .../verify) made in shadow'])
  expect(await database.sql(`select wish from migration_stages where collection = 'faqs_store'`)).toEqual([{ wish: null }])
})

test('rule 14: a step that anyone may take is taken by whoever is asked, though no process with the collection is at work', async () => {
  const path = '/migration/collections/documents_store'
  await away.admin('GET', path)
  await database.sql(`update migration_stages set stage = 'complete', epoch = epoch + 1 where collection = 'documents_store'`)
  await database.sql(`delete from migration_leases where collection = 'documents_store'`)
  const step = async (stage: string) =>
    away.admin('POST', `${path}/stage`, { stage, expected_epoch: (await away.admin('GET', path)).body.epoch })
  const { status, body } = await step('rampdown')
  expect([status, body.stage, body.detail]).toEqual([200, 'rampdown', undefined])
  const early = await step('live')
  expect([early.status, Number(early.headers.get('retry-after')) > 0]).toEqual([409, true])
  await eventually(async () => (await step('live')).status).toBe(200)
})

test('tables leave memory before the records that are checked against them, and come back after them', async () => {
  const { call } = await home.organization()
  await call('GET', '/database/tables')
  await call('POST', '/database/tables/none/query', {})
  const epochOf = async (name: string) => (await home.admin('GET', `/migration/collections/${name}`)).body.epoch
  const step = async (name: string, stage: string) =>
    home.admin('POST', `/migration/collections/${name}/stage`, { stage, expected_epoch: await epochOf(name) })
  const early = await step('tables', 'off')
  expect([early.status, early.body.detail]).toEqual([409, 'tables comes back to memory after database'])
  expect((await step('database', 'off')).status).toBe(200)
  expect((await step('tables', 'off')).status).toBe(200)
  const first = await step('database', 'dualwrite')
  expect([first.status, first.body.detail]).toEqual([409, 'database leaves memory after tables'])
  expect((await step('tables', 'dualwrite')).status).toBe(200)
  expect((await step('database', 'dualwrite')).status).toBe(200)
})

test('rule 14: where there are not both to compare, a comparison is refused', async () => {
  await away.admin('GET', '/migration/collections')
  await database.sql(`update migration_stages set stage = 'complete', epoch = epoch + 1 where collection = 'conversations'`)
  expect((await away.admin('POST', '/migration/collections/conversations/verify')).status).toBe(409)
})
