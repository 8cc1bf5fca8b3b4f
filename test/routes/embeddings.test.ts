import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOf } from '../../shared/embeddings/key.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const put = '/knowledge/embeddings'
const lookup = '/knowledge/embeddings/lookup'

test('a vector is kept by its text and found by the text or its hash, with every digit', async () => {
  const { call } = await app.organization()
  const sent = '{"model":"m","items":[{"text":"Zürich 😀","embedding":[0.1,-0.30000000000000004,1e-7]},{"hash":"of mine","embedding":[3]}]}'
  expect(await call('PUT', put, sent)).toMatchObject({ status: 200, body: { stored: 2 } })
  const by = async (asked: object) => (await call('POST', lookup, { model: 'm', ...asked })).body.items
  const first = { model: 'm', hash: hashOf('Zürich 😀'), dimensions: 3, embedding: [0.1, -0.30000000000000004, 1e-7] }
  expect(await by({ texts: ['unknown', 'Zürich 😀'] })).toEqual([null, first])
  expect(await by({ hashes: ['of mine', hashOf('Zürich 😀'), 'of mine'] })).toEqual([
    { model: 'm', hash: 'of mine', dimensions: 1, embedding: [3] },
    first,
    { model: 'm', hash: 'of mine', dimensions: 1, embedding: [3] },
  ])
  expect((await call('POST', lookup, { model: 'm', texts: ['Zürich 😀'] })).text).toContain('-0.30000000000000004')
})

test('of what is sent twice the last counts', async () => {
  const { call } = await app.organization()
  const items = [
    { hash: 'a', embedding: [1] },
    { hash: 'a', embedding: [2] },
  ]
  expect((await call('PUT', put, { model: 'm', items })).body).toEqual({ stored: 1 })
  expect((await call('POST', lookup, { model: 'm', hashes: ['a'] })).body.items).toMatchObject([{ embedding: [2] }])
})

test.each<[string, string, string, object]>([
  ['no items', 'PUT', put, { model: 'm', items: [] }],
  ['more than a thousand', 'PUT', put, { model: 'm', items: Array.from({ length: 1001 }, (_, i) => ({ hash: `${i}`, embedding: [1] })) }],
  ['neither text nor hash', 'PUT', put, { model: 'm', items: [{ embedding: [1] }] }],
  ['text and hash', 'PUT', put, { model: 'm', items: [{ text: 'a', hash: 'a', embedding: [1] }] }],
  ['no numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [] }] }],
  ['something else than numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [1, '2'] }] }],
  ['a number beyond 32 bits', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [1e39] }] }],
  ['too many numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: Array(4097).fill(1) }] }],
  ['no model', 'PUT', put, { items: [{ text: 'a', embedding: [1] }] }],
  ['no texts', 'POST', lookup, { model: 'm', texts: [] }],
  ['texts and hashes', 'POST', lookup, { model: 'm', texts: ['a'], hashes: ['a'] }],
  ['more than a thousand texts', 'POST', lookup, { model: 'm', texts: Array(1001).fill('a') }],
])('%s: 400, and nothing is kept', async (_, method, path, body) => {
  const { call, id } = await app.organization()
  expect((await call(method, path, body)).status).toBe(400)
  expect(await app.database.sql('select id from embeddings_cache where organization_id = $1', [id])).toEqual([])
})

test('vectors are audited by what they are of, without their numbers', async () => {
  const { call, id } = await app.organization()
  await call('PUT', put, { model: 'm', items: [{ hash: 'a', embedding: [0.25, 1 / 3] }] })
  await call('PUT', put, { model: 'm', items: [{ hash: 'a', embedding: [0.5, 0.5] }] })
  const events = await app.database.sql<{ action: string; after: object }>(
    `select action, after from audit_events where organization_id = $1 and entity_type = 'embedding' order by id`,
    [id],
  )
  expect(events).toMatchObject([
    { action: 'create', after: { provider: 'caller', model: 'm', text_hash: 'a', dimensions: 2, embedding: '[redacted]' } },
    { action: 'update', after: { embedding: '[redacted]' } },
  ])
  expect(JSON.stringify(events)).not.toMatch(/0\.25|0\.333|0\.5/)
})

test('a thousand texts are looked up in one query', async () => {
  const { call } = await app.organization()
  const texts = Array.from({ length: 1000 }, (_, i) => `text ${i}`)
  const items = texts.map((text, i) => ({ text, embedding: [i, 0.5] }))
  expect((await call('PUT', put, { model: 'm', items })).body).toEqual({ stored: 1000 })
  const queries = async () => {
    const metrics = (await app.admin('GET', '/metrics')).text
    return [...metrics.matchAll(/^db_query_duration_seconds_count\{.*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  const before = await queries()
  const { body } = await call('POST', lookup, { model: 'm', texts: texts.toReversed() })
  expect(body.items.map(({ embedding }: { embedding: number[] }) => embedding[0])).toEqual(texts.map((_, i) => 999 - i))
  expect((await queries()) - before).toBe(1)
})
