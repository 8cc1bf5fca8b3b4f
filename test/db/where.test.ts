import type { PoolClient } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Batch, type Columns } from '../../shared/db/batch.ts'
import { valuesOf, whereSql } from '../../shared/db/where.ts'
import { parseJson, stringify } from '../../shared/json.ts'
import { matches } from '../../shared/matches.ts'
import { type JsonObject, type Where, WhereShape } from '../../shared/where.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { randomOf } from '../support/random.ts'
import { makeTrees } from '../support/trees.ts'

const TREES = Number(process.env.TEST_TREES ?? 5000)
const ROWS = 40
const A_BATCH = 100

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
})
afterAll(() => database.drop())

const isTime = (field: string) => field === 'at'

/** For each filter the numbers of the rows that it finds, by Postgres and by plain TypeScript. */
const both = async (client: PoolClient, rows: JsonObject[], wheres: Where[]): Promise<[string, string][]> => {
  const values = valuesOf([stringify(rows.map((data, n) => ({ n, data })))])
  const looks = { data: 'data', columns: `'{"at": "timestamp"}'::jsonb` }
  const conditions = wheres.map(where => `string_agg(n::text, ',' order by n) filter (where ${whereSql(where, looks, values)})`)
  const text = `select ${conditions.join(',\n')} from jsonb_to_recordset($1::jsonb) r (n int, data jsonb)`
  const batch = new Batch([{ name: 'trees', nameless: true, text, values: values.list }])
  client.query(batch)
  const [[row]] = (await batch.done) as [[Columns]]
  return wheres.map((where, i) => [row[i] ?? '', rows.flatMap((data, n) => (matches(where, data, isTime) ? [n] : [])).join()])
}

test(`${TREES} filters find the same rows in Postgres and in plain TypeScript`, async () => {
  const random = randomOf(Number(process.env.TEST_TREES_SEED ?? 1))
  const trees = makeTrees(random)
  const rows = Array.from({ length: ROWS }, () => parseJson(stringify(trees.data())) as JsonObject)
  const { pool, close } = await database.open()
  const client = await pool.connect()
  let found = 0
  try {
    for (let from = 0; from < TREES; from += A_BATCH) {
      const asked = Array.from({ length: Math.min(A_BATCH, TREES - from) }, () => trees.tree())
      const wheres = asked.map(tree => WhereShape.parse(parseJson(stringify(tree))))
      for (const [i, [there, here]] of (await both(client, rows, wheres)).entries()) {
        if (there !== here) expect([stringify(asked[i]), there]).toEqual([stringify(asked[i]), here])
        found += here === '' ? 0 : here.split(',').length
      }
    }
  } finally {
    client.release()
    await close()
  }
  // filters that find nothing, or everything, would agree about anything
  expect(found / TREES / ROWS).toBeGreaterThan(0.2)
  expect(found / TREES / ROWS).toBeLessThan(0.8)
})

test('a stretch of time has the bounds that are asked for, whatever they are, in a column of times and in one of texts', async () => {
  const times = [
    '2020-01-01T00:00:00Z',
    '2020-01-01T01:00:00+01:00',
    '2020-01-01T00:00:00.000001Z',
    '2020-02-29T12:00:00.5Z',
    '2021-01-01T00:00:00Z',
  ]
  const rows = [...times, '2021-02-29T12:00:00Z', '2020-06', 7, null, undefined].flatMap(value =>
    ['at', 'text'].map(field => ({ [field]: value, other: 1 }) as JsonObject),
  )
  const wheres = ['at', 'text'].flatMap(field =>
    times.flatMap(low =>
      times.flatMap(high =>
        ['$gt', '$gte'].flatMap(above =>
          ['$lt', '$lte'].map(below => WhereShape.parse({ [field]: { [above]: low, [below]: high }, other: 1 })),
        ),
      ),
    ),
  )
  const { pool, close } = await database.open()
  const client = await pool.connect()
  try {
    const found = await both(client, rows, wheres)
    expect(found.map(([there]) => there)).toEqual(found.map(([, here]) => here))
    expect(new Set(found.map(([there]) => there)).size).toBeGreaterThan(20)
  } finally {
    client.release()
    await close()
  }
})
