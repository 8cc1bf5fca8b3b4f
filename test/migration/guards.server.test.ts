import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { counterCollection } from '../../functions/agents/collections.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import { openPool } from '../../shared/db/pool.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { sha256 } from '../../shared/http/credentials.ts'
import { makeStaged } from '../../shared/migration/staged.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { migrationsDir } from '../support/global.ts'
import { runOver } from '../support/http.ts'
import { type Holder, holdLocks } from '../support/locks.ts'
import { type Process, startProcess } from '../support/processes.ts'
import { startProxy } from '../support/proxy.ts'

let database: TestDatabase
let holder: Holder
let running: Process[] = []

beforeAll(async () => {
  database = await makeTestDatabase({ MIGRATION_STAGE_CACHE_SECONDS: '1', DB_POOL_SIZE: '3' })
  holder = await holdLocks(database)
})
afterAll(async () => {
  await holder.close()
  await database.drop()
})
afterEach(async () => {
  for (const one of running) await one.stop()
  running = []
  for (const table of ['migration_leases', 'migration_runs', 'migration_stages', 'counters']) await database.sql(`delete from ${table}`)
})

const start = async (): Promise<Process> => {
  const one = await startProcess(database)
  running.push(one)
  return one
}
const at = (stage: string) =>
  database.sql(`insert into migration_stages (collection, stage, clean_pass) values ('counters', $1, 1)`, [stage])
const increment = (one: Process) => one.staged.store.increment(one.scope, 'a', '1', new Date().toISOString())

test.for([
  ['changed', 'value = value + 1'],
  ['removed', 'deleted_at = now()'],
])('rule 3: a writer that waited for a row that was %s draws its version after the one it waited for', async ([, change]) => {
  await at('rampdown')
  const one = await start()
  await increment(one)
  await holder.sql('begin')
  await holder.sql(`select from counters where id = 'a' for update`)
  const waited = increment(one)
  await holder.waiting(1)
  const { rows } = await holder.sql(`update counters set ${change}, version = nextval('row_version') where id = 'a' returning version`)
  await holder.sql('commit')
  expect(BigInt((await waited).version)).toBeGreaterThan(BigInt(rows[0].version))
})

test('rule 5: a lease is not relied on by a clock that stood still while the machine slept', async () => {
  await at('dualwrite')
  const { pool, close } = await database.open()
  const [log, metrics] = [makeLog('silent', undefined), makeMetrics()]
  const db = makeDatabase(pool, { ...database.config.pool, log, metrics })
  let wall = 0
  const time = { now: () => 0, wall: () => wall, sleep: (n: number) => setTimeout(n), every: () => () => {} }
  const settings = { first: 'off' as const, instance: 'sleeper', leaseSeconds: 1, validSeconds: 1, mayHaveEnded: async () => false }
  const { store, release } = makeStaged(db, log, settings, counterCollection(), time)
  const two = await start()
  await store.increment(two.scope, 'a', '1', new Date().toISOString())
  await expect.poll(() => two.add('a').catch(() => 'not yet'), { timeout: 10_000 }).toBe(2)
  wall = 5000
  await expect(store.get(two.scope, 'a')).rejects.toMatchObject({ code: 'unavailable' })
  await release()
  await close()
})

test('rule 10: while Postgres is away in live, memory answers those whom it has let through within the minute, and nobody else', async () => {
  const proxy = await startProxy(inject('server'))
  const migration = { ...database.config.migration, validSeconds: 30 }
  const config = { ...database.config, migration, database: { kind: 'url' as const, url: proxy.url(database.url as string) } }
  const app = await runOver({ ...database, config, open: () => openPool(config, 'agenthub_app', migrationsDir), drop: async () => {} })
  try {
    await at('live')
    const { call, key } = await app.organization()
    const other = (await call('POST', '/organizations/api-keys', { name: 'Never used', role: 'viewer' })).body.secret
    await call('POST', '/agents/counters/a/increment', {})
    await call('GET', '/agents/counters/a')
    const asked = () =>
      Promise.all([key, other, `${key.slice(0, -4)}AAAA`].map(async token => (await app.as(token)('GET', '/agents/counters/a')).status))
    await proxy.close()
    expect(await asked()).toEqual([200, 503, 503])
    await proxy.reopen()
    await expect.poll(asked, { timeout: 10_000 }).toEqual([200, 200, 401])
    await proxy.close()
    expect(await asked()).toEqual([200, 200, 503])
    await proxy.reopen()
  } finally {
    await app.stop()
    await proxy.close()
  }
})

test('rule 10: whom Postgres let through 60 seconds ago memory answers no more while it is away', async () => {
  await at('live')
  const { scope } = await start()
  const hash = sha256('a key of the minute')
  await database.sql(
    `insert into api_keys (organization_id, id, name, role, prefix, secret_hash, version, created_at, updated_at)
values ($1, 'minute', 'minute', 'member', 'minute', $2, nextval('row_version'), now(), now())`,
    [scope.organization_id, hash],
  )
  const caller: Scope = { ...scope, caller: { kind: 'token', hash, role: 'member' } }
  const proxy = await startProxy(inject('server'))
  const config = { ...database.config, database: { kind: 'url' as const, url: proxy.url(database.url as string) } }
  const { pool, close } = await openPool(config, 'agenthub_app', migrationsDir)
  const [log, metrics] = [makeLog('silent', undefined), makeMetrics()]
  const db = makeDatabase(pool, { ...config.pool, log, metrics })
  let milliseconds = 0
  const clock = () => milliseconds
  const time = { now: clock, wall: clock, sleep: (n: number) => setTimeout(n), every: () => () => {} }
  const settings = { first: 'off' as const, instance: 'minute', leaseSeconds: 100, validSeconds: 100, mayHaveEnded: async () => false }
  const { store, release } = makeStaged(db, log, settings, counterCollection(), time)
  try {
    await store.increment(caller, 'a', '1', new Date().toISOString())
    await proxy.close()
    milliseconds = 59_999
    expect((await store.get(caller, 'a'))?.json).toContain('1')
    milliseconds = 60_000
    await expect(store.get(caller, 'a')).rejects.toMatchObject({ code: 'unavailable' })
  } finally {
    await proxy.reopen()
    await release()
    await close()
    await proxy.close()
  }
})
