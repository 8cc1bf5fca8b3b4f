import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Limits } from '../../functions/database/asking.postgres.ts'
import { memoryRecords } from '../../functions/database/memory.ts'
import { postgresRecords } from '../../functions/database/postgres.ts'
import type { Asked, RecordStore, TableStore } from '../../functions/database/store.ts'
import { memoryTables } from '../../functions/database/tables.memory.ts'
import { postgresTables } from '../../functions/database/tables.postgres.ts'
import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { soughtOf } from '../../shared/db/where.ts'
import { type Json, parseJson, stringify } from '../../shared/json.ts'
import { matches } from '../../shared/matches.ts'
import { WhereShape } from '../../shared/where.ts'
import { randomOf } from '../support/random.ts'
import { makeTrees } from '../support/trees.ts'
import { at, type Made, onPostgres, walk } from './support.ts'

const SEEDS = (process.env.TEST_TREES_SEED ?? '1,2,5').split(',').map(Number)
const QUERIES = Number(process.env.TEST_QUERIES ?? 30)
const RANGES = Number(process.env.TEST_RANGES ?? 700)
const ROWS = 40
const columns = {
  a: { type: 'json', indexed: true },
  at: { type: 'timestamp', indexed: true },
  'ä 😀': { type: 'json', indexed: true },
} as const

/** So few that 40 records go every way that a million would. */
const SMALL: Limits = { few: 2, near: 5, hits: 4 }

let made: Made<{ tables: TableStore; records: RecordStore; small: RecordStore }>
let database: Database
beforeAll(async () => {
  made = await onPostgres(db => {
    database = db
    return { tables: postgresTables(db), records: postgresRecords(db), small: postgresRecords(db, SMALL) }
  })()
})
afterAll(() => made.stop())

/** Random records in Postgres and in memory, in an organization of their own. */
const fill = async (seed: number) => {
  const trees = makeTrees(randomOf(seed))
  const scope = made.scope(`org_${seed}`)
  const tables = memoryTables()
  const memory = memoryRecords(() => tables)
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    id: `r${n}`,
    data: parseJson(stringify(trees.data())) as { [field: string]: Json },
  }))
  for (const one of [
    { tables: made.stores.tables, records: made.stores.records },
    { tables, records: memory },
  ]) {
    await one.tables.put(scope, 't', { columns: {}, strict: false, at: at(0) }, undefined)
    // a week and more lies between some
    for (const [i, row] of rows.entries()) await one.records.create(scope, 't', [row], 'error', at((i >> 2) * 250_000), '')
    // declared behind records that do not fit: they stay, and their fields are indexed all the same
    await one.tables.put(scope, 't', { columns, strict: false, at: at(0) }, undefined)
  }
  return { trees, scope, rows, stores: [memory, made.stores.records, made.stores.small] }
}

test.each(SEEDS)(
  `${QUERIES} queries of seed %i answer the same pages in memory and in Postgres, whichever way Postgres goes`,
  async seed => {
    const { trees, scope, stores } = await fill(seed)
    let found = 0
    for (let n = 0; n < QUERIES; n++) {
      // every second one is of a range of an indexed field, of which the index tells
      const tree = n % 2 ? trees.tree() : trees.range(Object.keys(columns))
      const where = WhereShape.parse(parseJson(stringify(tree)))
      const asked: Asked = { where, order: trees.order(), select: [] }
      const [expected, ...walked] = await Promise.all(stores.map(records => walk(slice => records.query(scope, 't', asked, slice), 12)))
      for (const pages of walked) expect([stringify(tree), asked.order, pages]).toEqual([stringify(tree), asked.order, expected])
      found += expected?.flat().length ?? 0
    }
    expect(found).toBeGreaterThan(QUERIES * ROWS * 0.05)
  },
)

const A_BATCH = 50
const TOLD = `select record_candidates('t', $2, r, '[]', 1000), (newest_hits('t', $2, r, '9999-01-01Z', '', 1000)).keys
from jsonb_array_elements($1::jsonb) with ordinality q (r, n) order by n`

test.each(SEEDS)(`the index tells of every record that ${RANGES} ranges of seed %i can match`, async seed => {
  const { trees, scope, rows } = await fill(seed + 1000)
  const wheres = Array.from({ length: RANGES }, () => WhereShape.parse(parseJson(stringify(trees.range(Object.keys(columns))))))
  const ranges = wheres.map(where => soughtOf(where).ranges.filter(({ field }) => Object.hasOwn(columns, field)))
  const told: Columns[] = []
  for (let from = 0; from < RANGES; from += A_BATCH) {
    const values = [stringify(ranges.slice(from, from + A_BATCH)), stringify(columns)]
    told.push(...(await database.read(scope, { name: 'test.told', text: TOLD, values })))
  }
  let found = 0
  for (const [i, where] of wheres.entries()) {
    if (ranges[i]?.length === 0) continue // values without an order
    const matching = rows.filter(({ data }) => matches(where, data, field => field === 'at')).map(({ id }) => id)
    for (const keys of told[i] ?? []) {
      const missing = matching.filter(id => !keys?.slice(1, -1).split(',').includes(`t/${id}`))
      expect([stringify(where), missing]).toEqual([stringify(where), []])
    }
    found += matching.length
  }
  expect(found).toBeGreaterThan(RANGES)
})
