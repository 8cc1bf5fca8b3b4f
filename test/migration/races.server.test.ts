import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { recordReplica } from '../../functions/database/replica.postgres.ts'
import { openPool } from '../../shared/db/pool.ts'
import { postgresStages } from '../../shared/migration/postgres.ts'
import type { TestDatabase } from '../support/database.ts'
import { makeTestDatabase } from '../support/database.ts'
import { migrationsDir } from '../support/global.ts'
import { type Call, type Running, run, runOver } from '../support/http.ts'
import { type Holder, holdLocks, until } from '../support/locks.ts'
import { dictionariesOf, line } from './dictionaries.ts'

let app: Running
let holder: Holder
beforeAll(async () => {
  app = await run()
  holder = await holdLocks(app.database)
})
afterAll(async () => {
  await holder.close()
  await app.stop()
})

test('two imports of the same entries at once make each row once, and neither fails', async () => {
  const dictionaries = dictionariesOf(app, 'org_race')
  const lines = Array.from({ length: 3000 }, (_, i) => line(`r${i}`, { name: `Agent ${i}`, description: 'x'.repeat(400) }))
  const [one, two] = await Promise.all([dictionaries.import('agents', lines), dictionaries.import('agents', [...lines].reverse())])
  expect([one.status, two.status]).toEqual([200, 200])
  expect(one.body.inserted + two.body.inserted).toBe(lines.length)
  expect(one.body.inserted + one.body.unchanged).toBe(lines.length)
  expect([one.body.counts, two.body.counts]).toEqual([
    { quarantined: 0, conflicts: 0 },
    { quarantined: 0, conflicts: 0 },
  ])
  expect((await dictionaries.compare('agents', lines, '&only_organization=org_race')).body).toMatchObject({ equal: true })
})

test('rule 12: an import reads a key, the key is removed, the import writes: it is still removed', async () => {
  const { id } = await app.organization()
  const dictionaries = dictionariesOf(app, id)
  await dictionaries.import('agents', [line('gone', { name: 'Imported' })])
  await holder.sql('begin')
  await holder.sql("update agents set deleted_at = now(), version = nextval('row_version') where organization_id = $1 and id = 'gone'", [
    id,
  ])
  const importing = dictionaries.import('agents', [line('gone', { name: 'Renamed' })])
  await holder.waiting(1)
  await holder.sql('commit')
  expect((await importing).body).toMatchObject({ updated: 0, conflicts: [{ key: 'gone', reason: 'it was removed' }] })
  const rows = await app.database.sql(
    "select name, deleted_at is not null as removed from agents where organization_id = $1 and id = 'gone'",
    [id],
  )
  expect(rows).toEqual([{ name: 'Imported', removed: true }])
})

test('a row that somebody makes while an import is at it is not overwritten', async () => {
  const { id } = await app.organization()
  await holder.sql('begin')
  await holder.sql(
    "insert into agents (organization_id, id, name, version, created_at, updated_at) values ($1, 'new', 'Made here', nextval('row_version'), now(), now())",
    [id],
  )
  const importing = dictionariesOf(app, id).import('agents', [line('new', { name: 'Imported' }), line('other', { name: 'Other' })])
  await holder.waiting(1)
  await holder.sql('commit')
  expect((await importing).body).toMatchObject({
    read: 2,
    inserted: 1,
    conflicts: [{ key: 'new', reason: expect.stringContaining('made here') }],
  })
})

/** Begins the export of an organization that is too large to wait in buffers, and waits for its first piece. */
const beginExport = async () => {
  const { id } = await app.organization()
  const lines = Array.from({ length: 4000 }, (_, i) => line(`e${i}`, { name: 'before', description: 'x'.repeat(5000) }))
  expect((await dictionariesOf(app, id).import('agents', lines.slice(0, 2000))).body.inserted).toBe(2000)
  expect((await dictionariesOf(app, id).import('agents', lines.slice(2000))).body.inserted).toBe(2000)
  const headers = { authorization: `Bearer ${app.shared.adminKey}` }
  const response = await fetch(`${app.url}/migration/collections/agents/export?only_organization=${id}`, { headers })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const first = await reader.read()
  return { id, reader, first: first.value as Uint8Array }
}

test('an export is of one moment: what changes while it goes out is not in it', async () => {
  const { id, reader, first } = await beginExport()
  await app.database.sql("update agents set name = 'after' where organization_id = $1", [id])
  const pieces = [first]
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) pieces.push(piece.value)
  const exported = Object.values(JSON.parse(Buffer.concat(pieces).toString())) as { name: string }[]
  expect([exported.length, new Set(exported.map(({ name }) => name))]).toEqual([4000, new Set(['before'])])
  await app.database.sql('delete from agents where organization_id = $1', [id])
})

test('an export whose database goes away ends in the middle, and does not look whole', async () => {
  const { reader } = await beginExport()
  let busy: { pid: number }[] = []
  await until(async () => {
    busy = await app.database.sql<{ pid: number }>(
      "select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction' and query like 'fetch%'",
    )
    return busy.length > 0
  })
  for (const { pid } of busy) await holder.kill(pid)
  const rest = async () => {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read());
  }
  await expect(rest()).rejects.toThrow()
  expect((await app.admin('GET', '/migration/collections/counters/export')).status).toBe(200)
})

test('a login that may not become agenthub_jobs moves nothing', async () => {
  const database = await makeTestDatabase()
  const name = `limited_${process.pid}`
  await database.sql(`create role ${name} login password 'limited'`)
  await database.sql(`grant agenthub_app to ${name}`)
  const url = Object.assign(new URL(database.url as string), { username: name, password: 'limited' }).href
  const config = { ...database.config, database: { kind: 'url' as const, url } }
  const limited: TestDatabase = { ...database, config, open: (role = 'agenthub_app') => openPool(config, role, migrationsDir) }
  const bounded = await runOver(limited)
  try {
    const { call } = await bounded.organization('org_limited')
    expect((await call('GET', '/organizations/me')).status).toBe(200)
    const { status, body } = await dictionariesOf(bounded, 'org_limited').import('agents', [line('a', { name: 'A' })])
    expect([status, body.code]).toEqual([500, 'internal'])
    expect((await bounded.admin('GET', '/migration/collections/agents/export')).status).toBe(500)
    expect(bounded.log.join()).toContain('permission denied to set role')
    expect(await database.sql('select id from agents')).toEqual([])
  } finally {
    await bounded.stop()
    const client = new pg.Client({ connectionString: app.database.url })
    await client.connect()
    await client.query(`drop role ${name}`)
    await client.end()
  }
})

/** Whoever writes the record `last` waits at the end of its transaction, until the holder lets it go. */
const holdEnds = async () => {
  await app.database.sql(`create function wait_for_holder() returns trigger language plpgsql as $$
begin
perform pg_advisory_xact_lock_shared(4711);
return null;
end
$$`)
  await app.database.sql(`create constraint trigger wait_for_holder after insert on data_records deferrable initially deferred
for each row when (new.record_id = 'last') execute function wait_for_holder()`)
  await holder.sql('select pg_advisory_lock(4711)')
  return async () => {
    await holder.sql('select pg_advisory_unlock(4711)')
  }
}

describe('an index that is declared while a record is written holds the record', () => {
  const indexed = { n: { type: 'number', indexed: true } }
  let letGo: () => Promise<void>
  beforeEach(async () => {
    letGo = await holdEnds()
  })
  afterEach(() => app.database.sql('drop function wait_for_holder cascade'))

  /** What the index finds once both have ended, of whom the second began while the first had not. */
  const found = async (call: Call, write: Promise<unknown>, declare: () => Promise<unknown>) => {
    await holder.waiting(1)
    const declared = declare()
    await Promise.race([declared, holder.waiting(2)])
    await letGo()
    await Promise.all([write, declared])
    const { body } = await call('POST', '/database/tables/t/query', { where: { n: { $gte: 0 } } })
    return body.items.map((item: { id: string }) => item.id)
  }

  test('by an import', async () => {
    const { call, id } = await app.organization()
    await call('PUT', '/database/tables/t', { columns: {} })
    const importing = dictionariesOf(app, id).import('database', [line('t', { last: { n: 1 } })])
    expect(await found(call, importing, () => call('PUT', '/database/tables/t', { columns: indexed }))).toEqual(['last'])
    expect((await importing).body.inserted).toBe(1)
  })

  test('by what memory brings back', async () => {
    const { call, id } = await app.organization()
    await call('PUT', '/database/tables/t', { columns: {} })
    const settings = { collection: 'database', first: 'complete', instance: 'test', leaseSeconds: 30, validSeconds: 30 } as const
    const stages = postgresStages(app.shared.db, recordReplica, settings)
    const { row } = await stages.enter()
    const [created_at, updated_at] = [new Date(0).toISOString(), new Date(0).toISOString()]
    const record = {
      id: 't/last',
      organization_id: id,
      table_id: 't',
      record_id: 'last',
      data: { n: 1 },
      extra: null,
      created_at,
      updated_at,
    }
    const entry = { organization_id: id, id: 't/last', version: '1', deleted: false, json: JSON.stringify(record) }
    const copying = stages.copy(row.epoch, [entry], 1n)
    expect(await found(call, copying, () => call('PUT', '/database/tables/t', { columns: indexed }))).toEqual(['last'])
  })

  test('by a caller, where an import declares it', async () => {
    const { call, id } = await app.organization()
    const dictionaries = dictionariesOf(app, id)
    await dictionaries.import('tables', [line('t', { columns: {} })])
    const writing = call('POST', '/database/tables/t/records', { id: 'last', data: { n: 1 } })
    const importing = () => dictionaries.import('tables', [line('t', { columns: indexed })])
    expect(await found(call, writing, importing)).toEqual(['last'])
    expect((await call('GET', '/database/tables/t')).body.columns).toEqual(indexed)
  })
})
