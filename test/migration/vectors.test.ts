import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stage } from '../../shared/migration/stage.ts'
import { type Running, run } from '../support/http.ts'
import { vectorsIn } from '../support/vectors.ts'
import { dictionariesOf, line } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '1' })
})
afterAll(() => app.stop())

const staged = () => {
  const found = app.shared.collections.get('faqs_store')
  if (!found) throw new Error('no collection faqs_store')
  return found
}
const step = async (to: Stage) => staged().keeper.change(to, (await staged().keeper.enter()).row.epoch)

test('vectors that callers bring move with their questions out of memory and back, to the last bit', async () => {
  const { call, id } = await app.organization()
  const odd = [0.1, -0.30000000000000004, 1e-7, 3, 1 / 3]
  const put = (name: string, embedding?: number[]) => call('PUT', `/rag/faqs/${name}`, { question: name, answer: 'A', embedding })
  expect((await put('off', odd)).status).toBe(201)
  expect((await put('bare')).status).toBe(201)
  expect((await put('gone', [1])).status).toBe(201)
  expect((await call('POST', '/rag/faqs/delete', { where: {} })).body).toEqual({ deleted: 3 })
  await put('off', odd)
  await put('bare')
  await put('changed', [1])
  await call('PATCH', '/rag/faqs/changed', { answer: 'B' })
  expect((await vectorsIn(app, id, 'faqs')).vectors).toEqual([])

  await step('dualwrite')
  expect((await vectorsIn(app, id, 'faqs')).vectors).toMatchObject([{ item_id: 'off', model: 'caller', of: 'the text' }])
  await put('dual', odd)
  await call('PATCH', '/rag/faqs/bare', { embedding: [5, 12] })
  expect(await staged().verify()).toMatchObject({ equal: true, compared: 5 })
  const before = (await vectorsIn(app, id, 'faqs')).vectors
  expect(before.map(({ item_id }) => item_id)).toEqual(['bare', 'dual', 'off'])

  await step('off')
  await call('PATCH', '/rag/faqs/off', { answer: 'another' })
  await step('dualwrite')
  expect(await staged().verify()).toMatchObject({ equal: true })
  expect((await vectorsIn(app, id, 'faqs')).vectors).toEqual(before.slice(0, 2))
  await step('off')
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
