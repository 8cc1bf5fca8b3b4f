import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { dictionariesOf } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

/** Literals that a double, a column or a parser is likely to mistreat. */
const literal = fc.oneof(
  fc.constantFrom(
    '0.1',
    '9007199254740993',
    '12345678901234567890',
    '-0',
    '1.0',
    '1e3',
    '1E-7',
    '1e200000',
    'NaN',
    '"\\u0000"',
    '"\\ud800"',
  ),
  fc.constantFrom(
    'null',
    'true',
    '{}',
    '[]',
    '""',
    '"active"',
    '"2026-03-01T08:00:00"',
    '"2026-03-01T08:00:00.000Z"',
    '"2026-03-01"',
    '"now"',
  ),
  fc.jsonValue({ maxDepth: 3 }).map(value => JSON.stringify(value)),
)
const field = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom('id', 'organization_id', 'industry', 'description', 'status', 'config', 'created_at', 'updated_at'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)
const entry = fc
  .tuple(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), fc.array(fc.tuple(field, literal), { maxLength: 6 }))
  .map(
    ([name, fields]) => `{${[['name', JSON.stringify(name)], ...fields].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`,
  )
const key = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.constantFrom('__proto__', 'constructor', 'a"b'),
)

test('every entry of any dictionary comes back exactly, or is quarantined', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.tuple(key, entry), { selector: ([name]) => name, maxLength: 12 }), async entries => {
      const organization = `org_property_${++run}`
      const dictionaries = dictionariesOf(app, organization)
      const lines = entries.map(([name, value]) => `{"key":${JSON.stringify(name)},"value":${value}}`)
      const { body } = await dictionaries.import('agents', lines)
      const { read, inserted, counts } = body
      expect([read, inserted + counts.quarantined, counts.conflicts]).toEqual([entries.length, entries.length, 0])
      const kept = lines.filter((_, i) => !body.quarantined.some((one: { key: string }) => sameKey(one.key, entries[i]?.[0] as string)))
      expect((await dictionaries.compare('agents', kept)).body).toMatchObject({ matched: kept.length, different: [], only_in_source: [] })
      expect((await dictionaries.import('agents', kept)).body).toMatchObject({
        unchanged: kept.length,
        inserted: 0,
        updated: 0,
        conflicts: [],
      })
      const exported = (await dictionaries.export('agents')).text
      expect(await dictionaries.equal(exported, `{${kept.map(asMember).join()}}`)).toBe(true)
      await app.database.sql('delete from agents')
    }),
    { numRuns: 60 },
  )
})

/** A key that cannot be stored is told by its literal. */
const sameKey = (told: string, given: string) => told === given || told === JSON.stringify(given)
const asMember = (line: string) =>
  line
    .replace(/^\{"key":/, '')
    .replace(/("(?:[^"\\]|\\.)*"),"value":/, '$1:')
    .slice(0, -1)
