import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addDecimals } from '../../shared/decimal.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
})
afterAll(() => database.drop())

test('sums are those of Postgres, with its sign and its scale', async () => {
  const decimal = fc.stringMatching(/^[+-]?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?$/)
  const pairs = [...fc.sample(fc.tuple(decimal, decimal), { numRuns: 500, seed: 1 }), ['-0', '0'], ['-1.50', '+1.5'], ['00', '-00.0']]
  const sums = await database.sql<{ sum: string }>(
    'select (a::numeric + b::numeric)::text as sum from unnest($1::text[], $2::text[]) with ordinality pair (a, b, place) order by place',
    [pairs.map(([a]) => a), pairs.map(([, b]) => b)],
  )
  expect(pairs.map(([a, b]) => addDecimals(a as string, b as string))).toEqual(sums.map(({ sum }) => sum))
})
