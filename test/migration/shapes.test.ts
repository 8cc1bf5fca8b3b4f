import { afterAll, beforeAll, expect, test } from 'vitest'
import { linesOfBody } from '../../functions/migration/body.ts'
import { postgresDictionaries } from '../../functions/migration/postgres.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'
import { counts, declared, dictionaries, tables } from './shapes.ts'

let database: TestDatabase
let shared: Shared
beforeAll(async () => {
  database = await makeTestDatabase()
  for (const text of tables.flatMap(text => text.split(/;\n|;$/))) if (text.trim() !== '') await database.sql(text)
  shared = await shareTest(database)
})
afterAll(async () => {
  await shared.close()
  await database.drop()
})

const scope: Scope = { organization_id: '', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }

async function* inPieces(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += 7) yield Buffer.from(bytes.subarray(at, at + 7))
}

/** A collection's import, comparison and export. Text is one object, an array NDJSON. */
const of = (collection: Collection, none: string | undefined = 'org_shapes') => {
  const store = postgresDictionaries(shared.db)
  const upload = (body: string | string[]) => ({
    lines: linesOfBody(inPieces(typeof body === 'string' ? body : body.join('\n')), typeof body !== 'string', collection),
    whole: typeof body === 'string',
  })
  return {
    import: (body: string | string[]) => store.import(scope, collection, upload(body), { none }),
    compare: (body: string | string[], only?: string) => store.compare(scope, collection, upload(body), { none, only }, undefined),
    export: async (only?: string) => {
      let text = ''
      for await (const piece of store.export(scope, collection, { none, only })) text += piece
      return text
    },
  }
}

const equal = async (a: string, b: string) =>
  (await database.sql<{ equal: boolean }>('select $1::jsonb = $2::jsonb as equal', [a, b]))[0]?.equal

test.each(Object.keys(declared) as (keyof typeof declared)[])(
  'a dictionary shaped as %s comes in, compares equal and goes out as it was',
  async shape => {
    const { import: imports, compare, export: exports } = of(declared[shape])
    const [text, read] = [dictionaries[shape], counts[shape]]
    const clean = { quarantined: [], conflicts: [] }
    expect(await imports(text)).toMatchObject({ read, inserted: read, unchanged: 0, updated: 0, ...clean })
    expect(await imports(text)).toMatchObject({ read, inserted: 0, unchanged: read, updated: 0, ...clean })
    expect(await compare(text)).toMatchObject({ equal: true, matched: read, only_in_source: [], only_in_postgres: [], different: [] })
    const exported = await exports()
    expect([exported, await equal(exported, text)]).toEqual([exported, true])
    expect(await compare(exported)).toMatchObject({ equal: true, matched: read })
  },
)

test('derived columns follow from the others, and hooks from the rows', async () => {
  const rows = (text: string) => database.sql(text)
  expect(await rows('select amount_received::int as received, amount_capturable::int as capturable from s_intents order by id')).toEqual([
    { received: 8900, capturable: 0 },
    { received: 0, capturable: 5 },
    { received: 0, capturable: 0 },
  ])
  expect(await rows("select (expires_at - created_at)::text as lives from s_metrics where id = 'rate'")).toEqual([{ lives: '00:01:00' }])
  expect(await rows("select provider, model, dimensions from s_embeddings where id = 'exact'")).toEqual([
    { provider: 'legacy', model: 'legacy', dimensions: 2 },
  ])
  expect(await rows('select transaction_id, sum(amount)::int as sum, count(*)::int as sides from s_ledger group by 1 order by 1')).toEqual([
    { transaction_id: 'txn_1', sum: 0, sides: 2 },
    { transaction_id: 'txn_refund', sum: 0, sides: 2 },
  ])
  expect(await rows("select count(distinct tableoid)::int as parts from s_events where created_at < '2017-01-01'")).toEqual([{ parts: 3 }])
})

test('a difference inside a nested dictionary is told by its key and the path in it', async () => {
  const database_ = of(declared.database)
  await database.sql(`update s_records set data = '{"when": 1}' where record_id = 'a/b~'`)
  await database.sql("delete from s_records where record_id = '__proto__'")
  expect(await database_.compare(dictionaries.database.replace('"empty":{},', ''))).toMatchObject({
    equal: false,
    matched: 2,
    different: [{ key: 'notes', path: '/a~1b~0/when', source: null, postgres: 1 }],
    only_in_source: ['hotels/__proto__'],
    only_in_postgres: ['empty'],
  })
  expect((await database_.compare('{"nowhere":{}}')).only_in_source).toEqual(['nowhere'])
})

test('a nested dictionary may come in parts: those of a map are put together, those of a list carry their offset', async () => {
  const event = (name: string) => ({ event: name, organization_id: 'org_parts' })
  const events = of(declared.events)
  const parts = [
    JSON.stringify({ key: 'parts', offset: 2, value: [event('c'), event('d')] }),
    JSON.stringify({ value: [event('a'), event('b')], key: 'parts' }),
    JSON.stringify({ key: 'parts', place: 4, value: event('e') }),
  ]
  expect(await events.import(parts)).toMatchObject({ read: 5, inserted: 5 })
  expect(JSON.parse(await events.export('org_parts')).parts.map(({ event }: { event: string }) => event)).toEqual(['a', 'b', 'c', 'd', 'e'])
  const records = of(declared.database, 'org_parts')
  const merged = ['{"key":"t","value":{"1":{"a":1}}}', '{"key":"t","value":{"2":{}, "3":{}}}', '{"key":"t","place":"3","value":{"b":1}}']
  expect(await records.import(merged)).toMatchObject({ read: 4, inserted: 3, updated: 1 })
  expect(JSON.parse(await records.export('org_parts'))).toEqual({ t: { 1: { a: 1 }, 2: {}, 3: { b: 1 } } })
})

test('what is no list, no dictionary or no entry is quarantined, and names its place', async () => {
  const { quarantined, inserted } = await of(declared.database).import('{"x":[],"y":{"1":5,"2":{}},"z":null}')
  expect(inserted).toBe(1)
  expect(quarantined).toEqual([
    { key: 'x', reason: 'an object is expected' },
    { key: 'y/1', reason: 'an object is expected' },
    { key: 'z', reason: 'an object is expected' },
  ])
  expect(
    (await of(declared.events).import(['{"key":"a","value":{}}', 'nonsense', '{"key":"a","offset":-1,"value":[]}'])).quarantined,
  ).toEqual([
    { key: 'a', reason: 'a list is expected' },
    { key: null, reason: expect.stringContaining('line 2') },
    { key: 'a', reason: expect.stringContaining('a line is') },
  ])
  const amounts = [
    '{"key":"a","value":{"amount":1.5,"currency":"usd","status":"x"}}',
    '{"key":"b","value":{"amount":9223372036854775808,"currency":"usd","status":"x"}}',
  ]
  expect((await of(declared.intents).import(amounts)).quarantined.map(({ reason }) => reason)).toEqual([
    'amount: an integer of 64 bits is expected',
    'amount: an integer of 64 bits is expected',
  ])
  expect((await of(declared.knowledge).import(['{"key":"a","value":{"title":"","content":"","tags":["a",["b"]]}}'])).quarantined).toEqual([
    { key: 'a', reason: 'tags: a list of texts is expected' },
  ])
})

test('rows that never change are left alone, and an entry that differs is a conflict', async () => {
  const transactions = of(declared.transactions)
  const other = dictionaries.transactions.replace('8900', '8901')
  expect(await transactions.import(other)).toMatchObject({
    updated: 0,
    unchanged: 2,
    conflicts: [{ key: 'txn_1', reason: expect.stringContaining('cannot change') }],
  })
  const events = of(declared.events)
  expect(
    (await events.import([JSON.stringify({ key: 'agent_4', value: [{ event: 'changed', organization_id: 'org_shapes' }] })])).conflicts,
  ).toMatchObject([{ key: 'agent_4/0' }])
})

test('a table known by its records alone is implicit: absent until it arrives, then adopted with them, in its own organization', async () => {
  const records = of(declared.database, 'org_before')
  const tables_ = of(declared.tables, 'org_before')
  await records.import('{"early":{"1":{"a":1}},"stays":{"1":{}}}')
  expect(JSON.parse(await tables_.export('org_before'))).toEqual({})
  expect(await tables_.import('{"early":{"organization_id":"org_after","columns":{}},"stays":{"columns":{}}}')).toMatchObject({
    inserted: 2,
    conflicts: [],
  })
  expect(await database.sql("select organization_id from s_records where table_id = 'early'")).toEqual([{ organization_id: 'org_after' }])
  expect(Object.keys(JSON.parse(await tables_.export('org_before')))).toEqual(['stays'])
  expect(await records.import('{"early":{"1":{"a":2}},"stays":{"1":{}}}')).toMatchObject({ updated: 1, unchanged: 1, conflicts: [] })
})

test('a list that two organizations share is one list; a dictionary that two have is exported for one of them', async () => {
  for (const organization of ['org_one', 'org_two']) {
    await database.sql(
      "insert into s_tables (organization_id, id, columns, version, created_at, updated_at) values ($1, 'twin', '{}', 1, now(), now())",
      [organization],
    )
    await database.sql(
      `insert into s_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
      values ($1, $1, 'twin', $1, '{}', 1, now(), now())`,
      [organization],
    )
  }
  await expect(of(declared.database).export()).rejects.toThrow('two organizations have the key twin')
  expect(JSON.parse(await of(declared.database).export('org_one'))).toEqual({ twin: { org_one: {} } })
  expect(JSON.parse(await of(declared.events).export()).agent_4).toHaveLength(4)
  expect(JSON.parse(await of(declared.events).export('org_shapes_other')).agent_4).toHaveLength(1)
})
