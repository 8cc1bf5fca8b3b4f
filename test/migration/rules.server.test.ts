import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { startProxy, type WireProxy } from '../support/proxy.ts'

let database: TestDatabase
let proxy: WireProxy
let running: Process[] = []

beforeAll(async () => {
  proxy = await startProxy(inject('server'))
  database = await makeTestDatabase({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '1', DB_STATEMENT_TIMEOUT_MS: '1000' })
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})
beforeEach(() => proxy.become('open'))
afterEach(async () => {
  for (const one of running) await one.stop()
  running = []
  await database.sql('delete from migration_leases')
  await database.sql('delete from migration_runs')
  await database.sql('delete from migration_stages')
  await database.sql('delete from counters')
})

const start = async (through?: WireProxy): Promise<Process> => {
  const one = await startProcess(database, through)
  running.push(one)
  return one
}

/** Puts the collection where it is to be, before anybody has met it. */
const at = async (stage: Stage): Promise<void> => {
  await database.sql(`insert into migration_stages (collection, stage, clean_pass) values ('counters', $1, 1)`, [stage])
}
const stored = async (name: string): Promise<number | undefined> => {
  const [row] = await database.sql<{ value: string }>('select value from counters where id = $1', [name])
  return row && Number(row.value)
}
const eventually = <T>(read: () => Promise<T>) =>
  expect.poll(() => read().catch((error: Error) => error.message), { timeout: 15_000, interval: 50 })

test('rule 1: from dualwrite on a write is acknowledged only once Postgres has committed it', async () => {
  await at('dualwrite')
  const one = await start()
  for (let i = 1; i <= 5; i++) {
    expect(await one.add('a')).toBe(i)
    expect(await stored('a')).toBe(i)
  }
})

test('rule 2: what a read in live has shown is in memory before it is answered', async () => {
  await at('live')
  const one = await start()
  await one.add('a')
  await database.sql(`update counters set value = 7, version = nextval('row_version') where id = 'a'`)
  expect(await one.get('a')).toBe(7)
  expect(JSON.parse((await one.memory.get(one.scope, 'a'))?.json as string)).toMatchObject({ value: 7 })
})

test('rule 3: of many writers of one key the later version always belongs to the later value', async () => {
  await at('rampdown')
  const [one, two] = [await start(), await start()]
  const answers = await Promise.all(
    Array.from({ length: 40 }, async (_, i) =>
      (i % 2 === 0 ? one : two).staged.store.increment(one.scope, 'a', '1', new Date().toISOString()),
    ),
  )
  const byVersion = answers
    .sort((a, b) => Number(a.version) - Number(b.version))
    .map(({ json }) => (JSON.parse(json) as { value: number }).value)
  expect(byVersion).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
})

test('rule 4: increments of two processes add up to the digit', async () => {
  await at('rampdown')
  const [one, two] = [await start(), await start()]
  await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).add('a', '0.1')))
  expect(await one.get('a')).toBe(2)
})

test('rule 5: a lease ends by the clock of Postgres, though its holder has died without a word', async () => {
  await at('dualwrite')
  const [one, two] = [await start(proxy), await start()]
  await one.add('a')
  proxy.become('silent')
  proxy.cut()
  const since = performance.now()
  await eventually(() => two.get('a')).toBe(1)
  expect(performance.now() - since).toBeLessThan(4000)
  const lost = one.add('a').catch((error: { code: string }) => error.code)
  proxy.become('open')
  proxy.cut()
  expect(await lost).toBe('unavailable')
  expect(await two.add('a')).toBe(2)
})

test('rule 6: a write whose answer was lost around COMMIT is looked up before its key is served', async () => {
  await at('dualwrite')
  const one = await start(proxy)
  await one.add('a')
  const epoch = (await one.staged.keeper.enter()).row.epoch
  proxy.become('deaf')
  const withheld = proxy.withheld()
  const lost = one.add('a').catch((error: Error) => error.message)
  await withheld
  await eventually(() => stored('a')).toBe(2)
  proxy.become('open')
  proxy.cut()
  expect(await lost).toMatch(/outcome is unknown/)
  await eventually(() => one.get('a')).toBe(2)
  expect(BigInt((await one.staged.keeper.enter()).row.epoch)).toBeGreaterThan(BigInt(epoch))
})

test('rule 9: memory is filled from Postgres at the start in every stage that has one', async () => {
  for (const stage of ['off', 'dualwrite', 'shadow', 'live'] as const) {
    await database.sql('delete from migration_leases')
    await database.sql('delete from migration_stages')
    await at('rampdown')
    const before = await start()
    const n = await before.add('a')
    await before.staged.release()
    await database.sql('update migration_stages set stage = $1, epoch = epoch + 1', [stage])
    const one = await start()
    await eventually(() => one.get('a')).toBe(n)
    expect(one.replica.read(one.scope.organization_id, 'a')).toBeDefined()
    await one.staged.release()
  }
})

test('rule 10: only live answers from memory while Postgres is away, and what is missing stays missing', async () => {
  await at('live')
  const one = await start(proxy)
  await one.add('a')
  expect(await one.get('nothing')).toBeUndefined()
  await one.staged.keeper.enter()
  proxy.cut()
  await proxy.close()
  try {
    expect(await one.get('a')).toBe(1)
    expect(one.staged.measure.read().fallbacks).toBe(1)
    await expect(one.add('a')).rejects.toMatchObject({ code: 'unavailable' })
  } finally {
    await proxy.reopen()
  }
  await eventually(() => one.get('a')).toBe(1)
})

test('rule 10: what is in doubt is not read from memory, and its read waits for no settlement while Postgres is away', async () => {
  await at('live')
  const one = await start(proxy)
  for (const name of ['a', 'b']) await one.add(name)
  proxy.become('deaf')
  const withheld = proxy.withheld()
  const lost = one.add('a').catch((error: Error) => error.message)
  await withheld
  proxy.cut()
  await proxy.close()
  try {
    expect(await lost).toMatch(/outcome is unknown/)
    await expect(one.get('a')).rejects.toMatchObject({ code: 'unavailable', message: expect.not.stringContaining('settled') })
    expect(await one.get('b')).toBe(1)
    expect(one.staged.measure.read().fallbacks).toBe(1)
  } finally {
    proxy.become('open')
    await proxy.reopen()
  }
  await eventually(() => one.get('a')).toBe(2)
})

test('rule 11: one silent corruption under churn is found, undoes the clean pass, and is mended', async () => {
  await at('dualwrite')
  const one = await start()
  await Promise.all(['a', 'b', 'c'].map(name => one.add(name)))
  expect(await one.staged.verify()).toMatchObject({ equal: true })
  await database.sql(`update counters set value = 99 where id = 'b'`)
  let over = false
  const churn = (async () => {
    while (!over) await one.add('a')
  })()
  const run = await one.staged.verify()
  over = true
  await churn
  expect(run.differences.map(({ key }) => key)).toEqual(['b'])
  expect(await database.sql('select clean_pass from migration_stages')).toEqual([{ clean_pass: null }])
  expect(await one.get('b')).toBe(99)
  expect(await one.staged.verify()).toMatchObject({ equal: true })
})

test('rule 11: a difference that was found and mended undoes the clean pass, though its comparison did not come to an end', async () => {
  await at('live')
  const one = await start()
  await one.add('a')
  expect(await one.staged.verify()).toMatchObject({ equal: true })
  await database.sql(`update counters set value = 99 where id = 'a'`)
  const { entries } = one.staged.stages
  one.staged.stages.entries = async function* (...asked) {
    yield* entries(...asked)
    throw new Error('the database went away')
  }
  await expect(one.staged.verify()).rejects.toThrow('went away')
  Object.assign(one.staged.stages, { entries })
  expect(one.replica.read(one.scope.organization_id, 'a')?.json).toContain('99')
  await expect(one.step('rampdown')).rejects.toMatchObject({ code: 'conflict' })
  expect(await one.staged.verify()).toMatchObject({ equal: true })
  expect(await one.step('rampdown')).toBe('rampdown')
})

test('rule 11: of two comparisons at once one is refused: none is clean because another has just mended what it would have found', async () => {
  await at('live')
  const one = await start()
  await one.add('a')
  const [first, second] = await Promise.allSettled([one.staged.verify(), one.staged.verify()])
  expect([first.status, second]).toMatchObject(['fulfilled', { reason: { code: 'conflict', retryAfter: expect.any(Number) } }])
  expect(await one.staged.verify()).toMatchObject({ equal: true })
})

test('rule 11: a difference whose path is longer than a key can be is recorded', async () => {
  await at('dualwrite')
  const one = await start()
  await one.add('a')
  await database.sql(`update counters set extra = '{}'`)
  expect(await one.staged.verify()).toMatchObject({ equal: false, repaired: 1 })
  await database.sql(
    `update counters set extra = jsonb_build_object((select string_agg(md5(i::text), '') from generate_series(1, 1000) i), 1)`,
  )
  expect(await one.staged.verify()).toMatchObject({ equal: false, repaired: 1 })
  const rows = await database.sql(
    'select length(path) > 32000 as long from migration_mismatches join migration_runs on run = migration_runs.id',
  )
  expect(rows).toContainEqual({ long: true })
  expect(await one.staged.verify()).toMatchObject({ equal: true })
})

test('rule 13: digits beyond a double come through memory and Postgres as they are', async () => {
  await at('off')
  const one = await start()
  const long = '12345678901234567890.123456789'
  await one.staged.store.increment(one.scope, 'a', long, new Date().toISOString())
  await one.step('dualwrite')
  expect((await one.staged.store.get(one.scope, 'a'))?.json).toContain(long)
  expect(await database.sql(`select value::text from counters where id = 'a'`)).toEqual([{ value: long }])
  expect(await one.staged.verify()).toMatchObject({ equal: true })
})

test('rule 14: a change asked of a process that does not hold the memory is refused, and nothing changes', async () => {
  await at('dualwrite')
  const [one, two] = [await start(), await start()]
  await one.add('a')
  await expect(two.step('shadow')).rejects.toMatchObject({ code: 'unavailable' })
  expect((await one.staged.keeper.enter()).row.stage).toBe('dualwrite')
})

test('a fill goes on to the truth while the process that wrote dies in the middle of a write', async () => {
  await at('dualwrite')
  const [one, two] = [await start(proxy), await start()]
  for (let i = 0; i < 5; i++) await one.add('a')
  proxy.become('deaf')
  const withheld = proxy.withheld()
  const lost = one.add('a').catch(() => {})
  await withheld
  proxy.cut()
  await lost
  proxy.become('silent')
  await eventually(() => two.get('a')).toBe(6)
  expect(await two.staged.verify()).toMatchObject({ equal: true })
  proxy.become('open')
  proxy.cut()
})
