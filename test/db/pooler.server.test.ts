import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { bringUp } from '../../shared/db/bringup.ts'
import { openPool } from '../../shared/db/pool.ts'
import { oneSession } from '../../shared/db/session.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { migrationsDir } from '../support/global.ts'
import { type Running, runOver } from '../support/http.ts'
import { noPgBouncer, startPgBouncer } from '../support/pgbouncer.ts'

let database: TestDatabase
let direct: Running
beforeAll(async () => {
  database = await makeTestDatabase({ LOG_LEVEL: 'warning' })
  direct = await runOver(database)
})
afterAll(() => direct.stop())

/** What the role and the time-outs of a session rest on: refused by a pooler as it comes, and passed over by one that is told to. */
const UNHEARD = 'ignore_startup_parameters = options'
const poolers: [string, string[], RegExp][] = [
  ['as it is installed', [], /unsupported startup parameter: options/],
  ['a transaction at a time, without their settings', [UNHEARD], /a pooler stands before the database/],
  ['one at a time, without their settings', [UNHEARD, 'pool_mode = session'], /a pooler stands before the database/],
]
const skipped = noPgBouncer ? ` (skipped: ${noPgBouncer})` : ''

test.skipIf(noPgBouncer).for(poolers)(
  `sessions from a pooler, %s, serve nobody, and the log says why${skipped}`,
  async ([, settings, why]) => {
    const [one, other] = [await direct.organization(), await direct.organization()]
    await one.call('POST', '/agents', { id: 'a', name: 'Agent' })
    const pooler = await startPgBouncer(inject('server'), settings)
    const config = { ...database.config, database: { kind: 'url' as const, url: pooler.url(database.url as string) } }
    const through = await runOver({
      ...database,
      config,
      open: role => openPool(config, role ?? 'agenthub_app', migrationsDir),
      drop: async () => {},
    })
    try {
      const asked = [one, other].flatMap(({ key }) => [
        through.as(key)('GET', '/agents'),
        through.as(key)('POST', '/agents', { name: 'Late' }),
      ])
      for (const { status, body } of await Promise.all(asked)) expect([status, body.code]).toEqual([503, 'unavailable'])
      expect((await through.as(undefined)('GET', '/health/ready')).status).toBe(503)
      expect(through.log.filter(line => why.test(line))).not.toEqual([])
      await expect(bringUp(config, migrationsDir)).rejects.toThrow(why)
      expect((await one.call('GET', '/agents')).body.items).toHaveLength(1)
      expect((await other.call('GET', '/agents')).body.items).toHaveLength(0)
    } finally {
      await through.stop()
      await pooler.stop()
    }
  },
)

test('a connection whose process is not the one that its login named is refused', async () => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    await oneSession(client)
    Object.assign(client, { processID: 1 })
    await expect(oneSession(client)).rejects.toMatchObject({ code: 'unavailable', message: /a pooler stands before/ })
  } finally {
    await client.end()
  }
})
