import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

const ROWS = 12_000

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
})
afterAll(() => database.drop())

test(`${ROWS} rows changed at once are audited within a statement's time, on a connection that has changed single ones before`, async () => {
  const { pool, close } = await database.open()
  const client = await pool.connect()
  try {
    await client.query("begin; select set_config('app.organization_id', 'acme', true)")
    await client.query(
      `insert into agents (organization_id, id, name, version, created_at, updated_at)
       select 'acme', 'agent-' || n, 'Before', nextval('row_version'), now(), now() from generate_series(1, $1::int) n`,
      [ROWS],
    )
    for (let n = 1; n <= 10; n++)
      await client.query("update agents set name = 'One' where organization_id = 'acme' and id = $1", [`agent-${n}`])
    await client.query("set local statement_timeout = '5s'")
    await client.query("update agents set name = 'After' where organization_id = 'acme'")
    const { rows } = await client.query(
      "select action, count(*)::int from audit_events where organization_id = 'acme' group by 1 order by 1",
    )
    expect(rows).toEqual([
      { action: 'create', count: ROWS },
      { action: 'update', count: ROWS + 10 },
    ])
    await client.query('rollback')
  } finally {
    client.release()
    await close()
  }
})
