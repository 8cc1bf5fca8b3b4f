import pg from 'pg'
import { expect, test } from 'vitest'
import { makeDatabase, plain } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { makeTestDatabase } from '../support/database.ts'

const scope: Scope = { organization_id: 'org', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }
const over = (pool: pg.Pool) =>
  makeDatabase(pool, { queue: 5, statementTimeout: 1000, log: makeLog('silent', undefined), metrics: makeMetrics() })

test('who comes while the first connection is being opened waits for that one', async () => {
  const database = await makeTestDatabase()
  const { pool, close } = await database.open()
  try {
    const db = over(pool)
    db.open()
    expect(await db.read(scope, plain('select 1'))).toEqual([['1']])
    expect(pool.totalCount).toBe(1)
    await Promise.all([db.read(scope, plain('select 2')), db.read(scope, plain('select 3'))])
    expect(pool.totalCount).toBe(2)
  } finally {
    await close()
    await database.drop()
  }
})

test('who waits for a connection that is refused is told so, and the next one tries for himself', async () => {
  const pool = new pg.Pool({ host: '127.0.0.1', port: 1 })
  let tries = 0
  pool.connect = (connect => () => {
    tries++
    return connect.call(pool)
  })(pool.connect as () => Promise<pg.PoolClient>) as typeof pool.connect
  const db = over(pool)
  db.open()
  const read = () => db.read(scope, plain('select 1'))
  await expect(read()).rejects.toMatchObject({ code: 'unavailable' })
  const before = tries
  await expect(read()).rejects.toMatchObject({ code: 'unavailable' })
  expect(tries).toBeGreaterThan(before)
  await pool.end()
})
