import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { startProxy, type WireProxy } from '../support/proxy.ts'

let database: TestDatabase
let proxy: WireProxy
let one: Process

beforeAll(async () => {
  proxy = await startProxy(inject('server'))
  database = await makeTestDatabase({ MIGRATION_STAGE_CACHE_SECONDS: '2' })
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})
beforeEach(() => proxy.become('open'))
afterEach(async () => {
  await one.stop()
  for (const table of ['migration_leases', 'migration_stages', 'counters', 'idempotency_keys']) await database.sql(`delete from ${table}`)
})

const startAt = async (stage: Stage): Promise<void> => {
  await database.sql(`insert into migration_stages (collection, stage) values ('counters', $1)`, [stage])
  one = await startProcess(database, proxy)
  expect(await one.add('a')).toBe(1)
}
const eventually = (read: () => Promise<number | undefined>) =>
  expect.poll(() => read().catch((error: Error) => error.message), { timeout: 15_000, interval: 50 })

const stages = ['off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const

test.for(stages)(
  'rules 4 and 6: an effect in %s whose COMMIT was not heard is done once, and seen before the key is served',
  async stage => {
    await startAt(stage)
    proxy.become('deaf', 1)
    const withheld = proxy.withheld()
    const lost = one.once('k', 'a').catch((error: Error) => error.message)
    await withheld
    await expect.poll(() => database.sql('select status from idempotency_keys')).toHaveLength(1)
    proxy.become('open')
    proxy.cut()
    expect(await lost).toMatch(/outcome is unknown/)
    await eventually(() => one.get('a')).toBe(2)
    expect(await one.once('k', 'a')).toBe(2)
    expect(await one.add('a')).toBe(3)
  },
)

test.for(stages)(
  'rules 4 and 6: an effect in %s whose connection broke before its COMMIT is undone, and done once by the retry',
  async stage => {
    await startAt(stage)
    const lost = one.once('k', 'a', () => proxy.cut()).catch((error: Error) => error.message)
    expect(await lost).toMatch(/outcome is unknown/)
    await eventually(() => one.get('a')).toBe(1)
    expect(await one.once('k', 'a')).toBe(2)
    expect(await one.once('k', 'a')).toBe(2)
    expect(await one.get('a')).toBe(2)
  },
)

test('rule 4: in off an effect is seen by nobody before its answer is committed, and others of its key wait for it', async () => {
  await startAt('off')
  let seen: Promise<number | undefined> | undefined
  let other: Promise<number> | undefined
  const answer = await one.once('k', 'a', () => {
    seen = one.memory.get(one.scope, 'a').then(row => JSON.parse(row?.json as string).value)
    other = one.add('a')
  })
  expect([await seen, answer, await other]).toEqual([1, 2, 3])
})

test.for(['off', 'dualwrite', 'live', 'rampdown'] as const)(
  'rule 5: a request with a key whose epoch has moved in %s is done anew, and heard as if nothing had been',
  async stage => {
    await startAt(stage)
    await database.sql('update migration_stages set epoch = epoch + 1')
    await database.sql('update migration_leases set epoch = epoch + 1')
    expect(await one.once('k', 'a')).toBe(2)
    expect(await one.get('a')).toBe(2)
  },
)
