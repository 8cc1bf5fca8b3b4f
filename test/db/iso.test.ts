import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { randomOf } from '../support/random.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await makeTestDatabase()
})
afterAll(() => database.drop())

const iso = async (times: string[]) =>
  (
    await database.sql<{ text: string | null }>(
      'select iso(t) as text from unnest($1::timestamptz[]) with ordinality u (t, i) order by i',
      [times],
    )
  ).map(({ text }) => text)

test('a time is written as JavaScript writes it, whatever it is', async () => {
  const random = randomOf(3)
  const [first, last] = [Date.UTC(1000, 0), Date.UTC(9999, 11, 31)]
  const times = [
    0,
    -1,
    first,
    first + 1,
    last,
    1,
    10,
    100,
    999,
    1000,
    ...Array.from({ length: 500 }, () => Math.floor(first + random() * (last - first))),
  ]
  const texts = times.map(time => new Date(time).toISOString())
  expect(await iso(texts)).toEqual(texts)
})

test('microseconds are written where there are some, and years beyond four digits too', async () => {
  const micros = [
    '2026-01-02T03:04:05.000001Z',
    '1969-12-31T23:59:59.999999Z',
    '9998-12-31T23:59:59.123450Z',
    '0999-12-31T23:59:59.000010Z',
  ]
  expect(await iso(micros)).toEqual(micros)
  expect(await iso(['9999-12-31T23:59:59.999Z', '0099-02-03T00:00:00.500Z', '12345-01-02 03:04:05.67Z'])).toEqual([
    '9999-12-31T23:59:59.999Z',
    '0099-02-03T00:00:00.500Z',
    '12345-01-02T03:04:05.670Z',
  ])
  expect(await iso(['infinity', '-infinity'])).toEqual([null, null])
})
