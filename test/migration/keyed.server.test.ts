import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { recordCollection, tableCollection } from '../../functions/database/collections.ts'
import { documentCollection } from '../../functions/rag/collections.ts'
import type { Scope } from '../../shared/db/scope.ts'
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
  for (const table of ['migration_leases', 'migration_stages', 'counters', 'idempotency_keys', 'data_tables'])
    await database.sql(`delete from ${table}`)
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

/** Records, their table at some stage, and documents, all of them in a process whose memory they are in. */
const startOthers = async (stageOfTables: Stage) => {
  for (const [collection, stage] of [
    ['tables', stageOfTables],
    ['database', 'off'],
    ['documents_store', 'off'],
  ])
    await database.sql('insert into migration_stages (collection, stage) values ($1, $2)', [collection, stage])
  await startAt('off')
  const { scope } = one
  const tables = one.stage(tableCollection())
  const collection = recordCollection(() => tables.store)
  const records = one.stage(collection)
  const documents = one.stage(documentCollection())
  await tables.store.put(scope, 't', { columns: {}, strict: false, at: AT }, undefined)
  await records.store.create(scope, 't', [{ id: 'r', data: { n: 1 } }], 'error', AT, '')
  const pieces = { given: null, hash: null, list: [], model: undefined, state: 'none' as const }
  const document = { id: 'd', title: 'd', content: 'd', metadata: {}, language: null, embedding: null, pieces }
  await documents.store.create(scope, [document], 'error', AT, '')
  const seen = async () => {
    const asked = { where: { all: [] }, order: [], select: undefined }
    const slice = { limit: 10, after: undefined }
    const page = await records.store.query(scope, 't', asked, slice)
    const found = page.items.map(({ id, json }) => [id, JSON.parse(json).data.n])
    return [...found.sort(), ...(await documents.store.list(scope, slice)).items.map(({ id }) => [id])]
  }
  return { records, replica: collection.replica, documents, seen }
}
type Others = Awaited<ReturnType<typeof startOthers>>
const AT = '2026-11-25T00:00:00.000Z'
const EVERY = { all: [] }

const writes: Record<string, { work: (others: Others, scope: Scope) => Promise<unknown>; after: unknown[] }> = {
  'a new record': {
    work: ({ records }, scope) => records.store.create(scope, 't', [{ id: 'new', data: { n: 2 } }], 'error', AT, ''),
    after: [['new', 2], ['r', 1], ['d']],
  },
  'a record merged': {
    work: ({ records }, scope) => records.store.change(scope, { op: 'merge', table: 't', id: 'r', data: { n: 3 } }, AT),
    after: [['r', 3], ['d']],
  },
  'a record removed': {
    work: ({ records }, scope) => records.store.change(scope, { op: 'remove', table: 't', id: 'r' }, AT),
    after: [['d']],
  },
  'a batch of operations': {
    work: ({ records }, scope) => {
      const create = { op: 'create', table: 't', id: 'new', data: { n: 2 } } as const
      return records.store.changeAll(scope, [create, { op: 'remove', table: 't', id: 'r' }], AT)
    },
    after: [['new', 2], ['d']],
  },
  'records removed by a filter': {
    work: ({ records }, scope) => records.store.removeWhere(scope, 't', EVERY, AT, ['r']),
    after: [['d']],
  },
  'documents removed by a filter': {
    work: ({ documents }, scope) => documents.store.removeWhere(scope, EVERY, AT, ['d']),
    after: [['r', 1]],
  },
}

test.for(Object.keys(writes).flatMap(name => (['off', 'dualwrite'] as const).map(stage => [name, stage] as const)))(
  'rules 4 and 6: %s in off (tables in %s) whose connection broke before the COMMIT is undone, and done once by the retry',
  async ([name, stage]) => {
    const others = await startOthers(stage)
    const { work, after } = writes[name] as (typeof writes)[string]
    const ask = (between?: () => void) => one.keyed('k', scope => work(others, scope), between)
    expect(await ask(() => proxy.cut()).catch((error: Error) => error.message)).toMatch(/outcome is unknown/)
    const eventually = expect.poll(() => others.seen().catch((error: Error) => error.message), { timeout: 15_000, interval: 50 })
    await eventually.toEqual([['r', 1], ['d']])
    const answer = await ask()
    expect(await others.seen()).toEqual(after)
    expect(await ask()).toEqual(answer)
    expect(await others.seen()).toEqual(after)
  },
)

test('rule 4: in off a record that is written under a key is seen by nobody before its answer is committed', async () => {
  const { records, replica } = await startOthers('dualwrite')
  let seen: unknown[] | undefined
  const create = (scope: Scope) => records.store.create(scope, 't', [{ id: 'new', data: { n: 2 } }], 'error', AT, '')
  await one.keyed('k', create, () => {
    seen = [...replica.entries()]
  })
  expect([seen?.length, [...replica.entries()].length]).toEqual([1, 2])
})
