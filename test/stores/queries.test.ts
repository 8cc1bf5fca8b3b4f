import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryRecords } from '../../functions/database/memory.ts'
import { postgresRecords } from '../../functions/database/postgres.ts'
import type { Asked } from '../../functions/database/store.ts'
import { memoryTables } from '../../functions/database/tables.memory.ts'
import { postgresTables } from '../../functions/database/tables.postgres.ts'
import { type Json, parseJson, stringify } from '../../shared/json.ts'
import type { Key } from '../../shared/record.ts'
import { WhereShape } from '../../shared/where.ts'
import { randomOf } from '../support/random.ts'
import { makeTrees } from '../support/trees.ts'
import { at, type Made, onPostgres } from './support.ts'
import type { Stores } from './tables.contract.ts'

const QUERIES = Number(process.env.TEST_QUERIES ?? 100)
const ROWS = 40

let made: Made<Stores>
beforeAll(async () => {
  made = await onPostgres(db => ({ tables: postgresTables(db), records: postgresRecords(db) }))()
})
afterAll(() => made.stop())

test(`${QUERIES} queries answer the same pages in memory and in Postgres, whichever way Postgres goes`, async () => {
  const trees = makeTrees(randomOf(Number(process.env.TEST_TREES_SEED ?? 1)))
  const scope = made.scope('org')
  const tables = memoryTables()
  const both: Stores[] = [made.stores, { tables, records: memoryRecords(() => tables) }]
  const columns = {
    a: { type: 'json', indexed: true },
    at: { type: 'timestamp', indexed: true },
    ä: { type: 'json', indexed: true },
  } as const
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    id: `r${n}`,
    data: parseJson(stringify(trees.data())) as { [field: string]: Json },
  }))
  for (const { tables, records } of both) {
    await tables.put(scope, 't', { columns: {}, strict: false, at: at(0) }, undefined)
    for (const [i, row] of rows.entries()) await records.create(scope, 't', [row], 'error', at(i >> 2), '')
    // declared behind records that do not fit: they stay, and their fields are indexed all the same
    await tables.put(scope, 't', { columns, strict: false, at: at(0) }, undefined)
  }
  let found = 0
  for (let n = 0; n < QUERIES; n++) {
    const tree = trees.tree()
    const where = WhereShape.parse(parseJson(stringify(tree)))
    const asked: Asked = { where, order: trees.order(), select: [] }
    const walked = await Promise.all(
      both.map(async ({ records }) => {
        const pages: unknown[] = []
        for (let after: Key | undefined, i = 0; i === 0 || after !== undefined; i++) {
          const page = await records.query(scope, 't', asked, { limit: 12, after })
          pages.push(page.items.map(({ id }) => id))
          found += page.items.length
          after = page.next
        }
        return pages
      }),
    )
    expect([stringify(tree), asked.order, walked[0]]).toEqual([stringify(tree), asked.order, walked[1]])
  }
  expect(found).toBeGreaterThan(QUERIES * ROWS * 0.2)
})
