import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentCollection, counterCollection } from '../../functions/agents/collections.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { parseJson } from '../../shared/json.ts'
import type { Entry } from '../../shared/migration/stage.ts'
import { makeStaged } from '../../shared/migration/staged.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { at, copies } from '../stores/support.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

const settings = { first: 'dualwrite' as const, instance: 'told', leaseSeconds: 30, validSeconds: 30, mayHaveEnded: async () => false }
const scope: Scope = { organization_id: 'org-told', caller: { kind: 'platform', actor: 'told' }, context: { request_id: 'told' } }
const log = makeLog('silent', undefined)

/** An entry, however its JSON is spelt. */
const plain = (entry: Entry | undefined) => entry && { ...entry, json: parseJson(entry.json) }

let database: TestDatabase
let opened: Awaited<ReturnType<TestDatabase['open']>>
let db: ReturnType<typeof makeDatabase>
beforeAll(async () => {
  database = await makeTestDatabase()
  opened = await database.open()
  db = makeDatabase(opened.pool, { ...database.config.pool, log, metrics: makeMetrics() })
})
afterAll(async () => {
  await opened.close()
  await database.drop()
})

test('rule 2: each write of an agent leaves in memory the entry that Postgres would tell', async () => {
  const collection = agentCollection(copies())
  const { store, stages, release } = makeStaged(db, log, settings, collection)
  const same = async () => expect(plain(collection.replica.read('org-told', 'a'))).toEqual(plain(await stages.entry('org-told', 'a')))
  const agent = { id: 'a', name: 'Agent', industry: null, description: 'Äh', status: 'active' as const }
  const made = await store.create(scope, { ...agent, at: at(1) })
  await same()
  await store.update(scope, 'a', { configuration: { tone: null, n: '9007199254740993' } }, at(2), made?.version)
  await same()
  await store.remove(scope, 'a', at(3), undefined)
  await same()
  await store.create(scope, { ...agent, at: at(4) })
  await same()
  await release()
})

test('rule 2: each increment of a counter leaves in memory the entry that Postgres would tell', async () => {
  const collection = counterCollection()
  const { store, stages, release } = makeStaged(db, log, settings, collection)
  for (const by of ['1', '-0.5', '12345678901234567890.123']) {
    await store.increment(scope, 'c', by, at(1))
    expect(plain(collection.replica.read('org-told', 'c'))).toEqual(plain(await stages.entry('org-told', 'c')))
  }
  await release()
})

test('rule 2: a write that is refused leaves in memory what stood in its way', async () => {
  const collection = agentCollection(copies())
  const { store, release } = makeStaged(db, log, settings, collection)
  const { replica } = collection
  const made = await store.create(scope, { id: 'b', name: 'B', industry: null, description: null, status: 'active', at: at(1) })
  await database.sql(`update agents set name = 'by hand', version = nextval('row_version') where id = 'b'`)
  await expect(store.update(scope, 'b', { name: 'C' }, at(2), made?.version)).rejects.toMatchObject({ code: 'version_mismatch' })
  expect(JSON.parse(replica.read('org-told', 'b')?.json as string)).toMatchObject({ name: 'by hand' })
  await database.sql(`update agents set deleted_at = now(), version = nextval('row_version') where id = 'b'`)
  expect(await store.update(scope, 'b', { name: 'C' }, at(3), undefined)).toBeUndefined()
  expect(replica.read('org-told', 'b')).toMatchObject({ deleted: true })
  await release()
})
