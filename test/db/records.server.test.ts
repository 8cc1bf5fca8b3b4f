import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { queryStatement } from '../../functions/database/query.postgres.ts'
import type { Asked } from '../../functions/database/store.ts'
import { Batch, type Columns } from '../../shared/db/batch.ts'
import { type Json, stringify } from '../../shared/json.ts'
import { WhereShape } from '../../shared/where.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { randomOf } from '../support/random.ts'
import { makeTrees } from '../support/trees.ts'

const RECORDS = 12_000
const columns = { price: { type: 'number', indexed: true }, name: 'string' }

let database: TestDatabase
let client: pg.PoolClient
let close: () => Promise<void>
beforeAll(async () => {
  database = await makeTestDatabase()
  await database.sql(
    `insert into data_tables (organization_id, id, columns, version, created_at, updated_at) values ('one', 't', $1, 1, now(), now())`,
    [stringify(columns)],
  )
  await database.sql(
    `insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
    select organization, 't/r' || n, 't', 'r' || n, jsonb_build_object('price', n, 'serial', n, 'odd', n % 2), n, at, at
    from unnest('{one,two}'::text[]) organization, generate_series(1, ${RECORDS}) n, lateral (select now() + n * interval '1 second') t (at)`,
  )
  await database.sql('analyze data_records')
  await database.sql('analyze data_index')
  const opened = await database.open()
  client = await opened.pool.connect()
  close = async () => {
    client.release(true)
    await opened.close()
  }
})
afterAll(async () => {
  await close()
  await database.drop()
})

const asked = (where: Json, order: Asked['order'] = []): Asked => ({ where: WhereShape.parse(where), order, select: undefined })

/** What the app's role is told of how a query was run, in the organization's scope. */
const explained = async (query: Asked): Promise<string> => {
  const { text, values } = queryStatement('one', 't', query, { limit: 50, after: undefined })
  await client.query('begin')
  try {
    await client.query(`select set_config('app.organization_id', 'one', true)`)
    const { rows } = await client.query(`explain (analyze, costs off, timing off, summary off, buffers off) ${text}`, values as string[])
    return rows.map(row => row['QUERY PLAN']).join('\n')
  } finally {
    await client.query('rollback')
  }
}

/** The scans of records and of their index that were run, with the rows that each gave or threw away. */
const scansOf = (plan: string): string[] => {
  const lines = plan.split('\n')
  return lines.flatMap((line, i) => {
    const [, index, rows] = /Scan.* using (data_\w+) on .*\(actual rows=(\d+)/.exec(line) ?? []
    if (index === undefined) return []
    const thrown = lines.slice(i + 1, i + 6).find(next => next.includes('Rows Removed by Filter'))
    return [`${index}: ${rows}${thrown ? ` of ${Number(rows) + Number(/\d+/.exec(thrown)?.[0])}` : ''}`]
  })
}

test('a narrow range of an indexed field, or a rare value of any field, is met by keys alone', async () => {
  for (const where of [
    { price: { $gte: 100, $lt: 110 } },
    { price: { $in: [100, 101] }, odd: 0 },
    { serial: 5000 },
    { serial: { $in: [1, 2] } },
  ]) {
    const scans = scansOf(await explained(asked(where)))
    expect([where, scans.length, scans[0]]).toEqual([where, 1, expect.stringMatching(/^data_records_pkey: \d+( of \d{1,2})?$/)])
  }
})

test('what many records match is met on the way through their list', async () => {
  for (const where of [{ odd: 1 }, { price: { $gt: 1 } }, {}])
    expect(scansOf(await explained(asked(where)))).toEqual([expect.stringMatching(/^data_records_newest: (51|10[0-3]|51 of 10[0-3])$/)])
})

test('old records of a range are told by its index, and only those of the page are read', async () => {
  const plan = await explained(asked({ price: { $lte: 4000 } }))
  expect(scansOf(plan)).toEqual(['data_records_newest: 1000', 'data_records_newest: 1000', 'data_records_pkey: 1'])
  expect(plan).toMatch(/data_records_pkey on .*loops=51\)/)
})

test('an order that begins with an indexed field goes along its index, and reads no more than the page', async () => {
  const scans = scansOf(await explained(asked({}, [{ field: 'price', direction: 'desc' }])))
  expect(scans).toEqual([expect.stringMatching(/^data_index_value: 5[12]$/), expect.stringMatching(/^data_records_pkey: 1$/)])
})

test('the GIN index finds what an object contains, under the role that may ask it', async () => {
  const scans = async (): Promise<number> => {
    await client.query('select pg_stat_force_next_flush()')
    const [row] = await database.sql<{ n: number }>(
      `select idx_scan::int as n from pg_stat_user_indexes where indexrelname = 'data_records_data'`,
    )
    return row?.n as number
  }
  await client.query('begin')
  try {
    await client.query(`select set_config('app.organization_id', 'one', true)`)
    const few = async (containing: Json) =>
      (await client.query('select record_candidates($1, $2, $3, $4, 100) as keys', ['t', columns, '[]', stringify(containing)])).rows[0]
        .keys
    expect(await few([[{ serial: 7 }]])).toEqual(['t/r7'])
    expect(await few([[{ odd: 1 }]])).toBeNull()
    expect(await few([[{ odd: 1 }], [{ serial: 7 }]])).toEqual(['t/r7'])
  } finally {
    await client.query('rollback')
  }
  await explained(asked({ serial: 5000 }))
  expect(await scans()).toBeGreaterThan(0)
})

test('filters of any number of shapes leave no prepared statement behind', async () => {
  const trees = makeTrees(randomOf(7))
  const count = async () => (await client.query('select count(*)::int as n from pg_prepared_statements')).rows[0].n
  const before = await count()
  for (let n = 0; n < 100; n++) {
    const batch = new Batch([queryStatement('one', 't', asked(trees.tree(), trees.order()), { limit: 1, after: undefined })])
    client.query(batch)
    await batch.done.catch(() => undefined) // without a scope the table is not there: prepared it was all the same
  }
  expect(await count()).toBeLessThanOrEqual(before + 1) // the nameless one
})

test('the index of a field follows every way of writing, and is made anew when it is declared', async () => {
  const index = async () =>
    (
      await database.sql<{ record_id: string; value: string }>(
        `select record_id, field, value from data_index where organization_id = 'three' order by record_id, field`,
      )
    ).map(row => Object.values(row).join(' '))
  const write = async (text: string, ...values: unknown[]): Promise<Columns | undefined> => {
    await client.query('begin')
    await client.query(`select set_config('app.organization_id', 'three', true)`)
    const { rows } = await client.query(text, values)
    await client.query('commit')
    return rows[0]
  }
  const put = (text: string) =>
    write(
      `insert into data_tables (organization_id, id, columns, version, created_at, updated_at) values ('three', 't', $1, 1, now(), now())
      on conflict (organization_id, id) do update set columns = excluded.columns`,
      text,
    )
  await put('{"n": {"type": "number", "indexed": true}}')
  const change = (op: string, id: string, data?: string) =>
    write(`select change_record('three', 't', $1, $2, $3, null, now(), '')`, id, op, data)
  await change('create', 'a', '{"n": -12, "at": "2026-01-01T00:00:00Z"}')
  await change('create', 'b', '{"n": null}')
  expect(await index()).toEqual(['t/a n n019999887~'])
  await change('merge', 'a', '{"n": 0.5}')
  await change('merge', 'b', '{"n": 100}')
  expect(await index()).toEqual(['t/a n n22000005', 't/b n n22000031'])
  await put('{"n": "number", "at": {"type": "timestamp", "indexed": true}}')
  expect(await index()).toEqual(['t/a at t220001017672256'])
  await change('remove', 'a')
  expect(await index()).toEqual([])
})
