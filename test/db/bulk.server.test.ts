import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresRecords } from '../../functions/database/postgres.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import { stringify } from '../../shared/json.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

const RECORDS = 5_000
const BATCH = 1_000
const columns = { name: 'string', kind: 'string', serial: { type: 'number', indexed: true }, next: { type: 'reference', references: 't' } }

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
  await database.sql(
    `insert into data_tables (organization_id, id, columns, version, created_at, updated_at) values ('one', 't', $1, 1, now(), now())`,
    [stringify(columns)],
  )
  await database.sql(
    `insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
    select 'one', 't/r' || n, 't', 'r' || n, jsonb_build_object('name', 'Record ' || n, 'serial', n), n, now(), now()
    from generate_series(1, ${RECORDS}) n`,
  )
  await database.sql('analyze data_records')
})
afterAll(() => database.drop())

type Spent = { read: number; spilled: number }

/** What the sessions that have ended read of records, and wrote to temporary files (bytes). */
const spent = async (): Promise<Spent> => {
  const [row] = await database.sql<Spent>(
    `select (seq_tup_read + idx_tup_fetch)::int as read, temp_bytes::int as spilled
    from pg_stat_user_tables, pg_stat_database where relname = 'data_records' and datname = current_database()`,
  )
  return row as Spent
}

/** Makes a batch in a session of its own, whose statistics are told once it is over. */
const make = async (fields: (n: number) => Record<string, string | number>): Promise<Spent> => {
  const before = await spent()
  const { pool, close } = await database.open()
  const records = postgresRecords(
    makeDatabase(pool, { ...database.config.pool, log: makeLog('silent', undefined), metrics: makeMetrics() }),
  )
  const scope = { organization_id: 'one', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } } as const
  const batch = Array.from({ length: BATCH }, (_, n) => ({ id: crypto.randomUUID(), data: { name: 'New', kind: 'New', ...fields(n) } }))
  await records.create(scope, 't', batch, 'error', new Date().toISOString(), 'records')
  await close()
  const sessions = () =>
    database.sql(`select from pg_stat_activity where datname = current_database() and application_name like 'agenthub%'`)
  await expect.poll(sessions, { timeout: 10_000 }).toEqual([])
  const after = await spent()
  return { read: after.read - before.read, spilled: after.spilled - before.spilled }
}

test('a batch of records looks at no other record, and is sorted in memory', async () => {
  const { read, spilled } = await make(n => ({ serial: n }))
  expect(read).toBeLessThan(BATCH)
  expect(spilled).toBe(0)
})

test('a batch whose records refer to others looks up these alone', async () => {
  const { read } = await make(n => ({ next: `r${n + 1}` }))
  expect(read).toBeGreaterThanOrEqual(BATCH)
  expect(read).toBeLessThan(3 * BATCH)
})
