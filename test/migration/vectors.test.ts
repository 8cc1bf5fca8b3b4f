import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { type Running, run } from '../support/http.ts'
import { randomOf } from '../support/random.ts'
import { vectorsIn } from '../support/vectors.ts'
import { dictionariesOf, line } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '1' })
})
afterAll(() => app.stop())

const staged = (name: string) => {
  const found = app.shared.collections.get(name)
  if (!found) throw new Error(`no collection ${name}`)
  return found
}

const items = [
  ['faqs_store', 'faqs', '/rag/faqs', (question: string) => ({ question, answer: 'A' }), { answer: 'B' }],
  ['knowledge_base', 'knowledge', '/knowledge/entries', (title: string) => ({ title, content: 'A', tags: ['t'] }), { content: 'B' }],
] as const

test.each(items)(
  'vectors that callers bring move with the items of %s out of memory and back, to the last bit',
  async (name, kind, path, item, change) => {
    const { call, id } = await app.organization()
    const step = async (to: Stage) => staged(name).keeper.change(to, (await staged(name).keeper.enter()).row.epoch)
    const odd = [0.1, -0.30000000000000004, 1e-7, 3, 1 / 3]
    const post = (id: string, embedding?: number[]) => call('POST', path, { id, ...item(id), embedding })
    expect((await post('off', odd)).status).toBe(201)
    expect((await post('bare')).status).toBe(201)
    expect((await post('gone', [1])).status).toBe(201)
    for (const id of ['off', 'bare', 'gone']) expect((await call('DELETE', `${path}/${id}`)).status).toBe(204)
    await post('off', odd)
    await post('bare')
    await post('changed', [1])
    await call('PATCH', `${path}/changed`, change)
    expect((await vectorsIn(app, id, kind)).vectors).toEqual([])

    await step('dualwrite')
    expect((await vectorsIn(app, id, kind)).vectors).toMatchObject([{ item_id: 'off', model: 'caller', of: 'the text' }])
    await post('dual', odd)
    await call('PATCH', `${path}/bare`, { embedding: [5, 12] })
    expect(await staged(name).verify()).toMatchObject({ equal: true, compared: 5 })
    const before = (await vectorsIn(app, id, kind)).vectors
    expect(before.map(({ item_id }) => item_id)).toEqual(['bare', 'dual', 'off'])

    await step('off')
    await call('PATCH', `${path}/off`, change)
    await step('dualwrite')
    expect(await staged(name).verify()).toMatchObject({ equal: true })
    expect((await vectorsIn(app, id, kind)).vectors).toEqual(before.slice(0, 2))
    await step('off')
  },
)

test('vectors of 1,536 numbers with every digit go through import, comparison and export as they came', async () => {
  const [dictionaries, random] = [dictionariesOf(app, 'org_digits'), randomOf(36)]
  const numbers = () => Array.from({ length: 1536 }, (_, i) => (random() - 0.5) * 10 ** -(i % 9))
  const dictionary = JSON.stringify({ 'a hash': numbers(), 'another/hash': numbers().map(Math.fround) })
  expect((await dictionaries.import('embeddings_cache', dictionary)).body).toMatchObject({ read: 2, inserted: 2, quarantined: [] })
  expect((await dictionaries.import('embeddings_cache', dictionary)).body).toMatchObject({ read: 2, unchanged: 2 })
  expect((await dictionaries.compare('embeddings_cache', dictionary)).body).toMatchObject({ equal: true, matched: 2 })
  const exported = (await dictionaries.export('embeddings_cache', '&only_organization=org_digits')).text
  expect(JSON.parse(exported)).toEqual(JSON.parse(dictionary))
  expect(await dictionaries.equal(exported, dictionary)).toBe(true)
})

test.each([
  ['knowledge_base', 'knowledge', 'knowledge_entries', { title: 'T', content: 'C' }, { content: 'D' }],
  ['faqs_store', 'faqs', 'faqs', { question: 'Q', answer: 'A' }, { answer: 'B' }],
] as const)(
  'a text that an import of %s changes loses its vectors, and waits for new ones',
  async (name, collection, table, first, change) => {
    const dictionaries = dictionariesOf(app, `org_${name}`)
    await dictionaries.import(name, [line('1', first), line('2', first)])
    await app.database.sql(
      `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
    select organization_id, $1, id, 0, embedding_generation(organization_id, $1, 'test', 'm', 2), array_fill(0.1::real, '{1536}'),
      text_hash($2) from ${table} where organization_id = $3`,
      [collection, Object.values(first).join('\n'), `org_${name}`],
    )
    await app.database.sql(`update ${table} set embedding_state = 'done' where organization_id = $1`, [`org_${name}`])
    const { body } = await dictionaries.import(name, [line('1', first), line('2', { ...first, ...change })])
    expect(body).toMatchObject({ unchanged: 1, updated: 1 })
    expect((await vectorsIn(app, `org_${name}`, collection)).vectors).toMatchObject([{ item_id: '1', of: 'the text' }])
    const states = await app.database.sql(`select id, embedding_state as state from ${table} where organization_id = $1 order by id`, [
      `org_${name}`,
    ])
    expect(states).toEqual([
      { id: '1', state: 'done' },
      { id: '2', state: 'pending' },
    ])
  },
)
