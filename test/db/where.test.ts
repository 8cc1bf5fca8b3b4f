import { afterAll, beforeAll, expect, test } from 'vitest'
import { Batch, type Columns } from '../../shared/db/batch.ts'
import { valuesOf, whereSql } from '../../shared/db/where.ts'
import { parseJson, stringify } from '../../shared/json.ts'
import { matches } from '../../shared/matches.ts'
import { type JsonObject, WhereShape } from '../../shared/where.ts'
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

test(`${TREES} filters find the same rows in Postgres and in plain TypeScript`, async () => {
  const random = randomOf(Number(process.env.TEST_TREES_SEED ?? 1))
  const trees = makeTrees(random)
  const rows = Array.from({ length: ROWS }, () => parseJson(stringify(trees.data())) as JsonObject)
  const { pool, close } = await database.open()
  const client = await pool.connect()
  const given = stringify(rows.map((data, n) => ({ n, data })))
  let found = 0
  try {
    for (let from = 0; from < TREES; from += A_BATCH) {
      const asked = Array.from({ length: Math.min(A_BATCH, TREES - from) }, () => trees.tree())
      const wheres = asked.map(tree => WhereShape.parse(parseJson(stringify(tree))))
      const values = valuesOf([given])
      const looks = { data: 'data', columns: `'{"at": "timestamp"}'::jsonb` }
      const conditions = wheres.map(where => `string_agg(n::text, ',' order by n) filter (where ${whereSql(where, looks, values)})`)
      const text = `select ${conditions.join(',\n')} from jsonb_to_recordset($1::jsonb) r (n int, data jsonb)`
      const batch = new Batch([{ name: 'trees', nameless: true, text, values: values.list }])
      client.query(batch)
      const [[row]] = (await batch.done) as [[Columns]]
      for (const [i, where] of wheres.entries()) {
        const here = rows.flatMap((data, n) => (matches(where, data, isTime) ? [n] : []))
        if ((row[i] ?? '') !== here.join()) expect([stringify(asked[i]), row[i]]).toEqual([stringify(asked[i]), here.join()])
        found += here.length
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
