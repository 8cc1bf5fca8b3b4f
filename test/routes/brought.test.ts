import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { engine } from '../support/database.ts'
import { type Call, type Running, run } from '../support/http.ts'

/** Vectors that callers bring, where no provider makes any. */
let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const withVectors = test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)

type Found = { id: string; chunk?: number; content: string; score: number; scores: { text: number | null; vector: number | null } }
const search = async (call: Call, body: object): Promise<Found[]> => {
  const answer = await call('POST', '/rag/search', body)
  expect(answer.status).toBe(200)
  return answer.body.items
}
const put = async (call: Call, id: string, document: object) =>
  expect((await call('PUT', `/rag/documents/${id}`, { title: 'T', ...document })).status).toBeLessThan(300)

const long = (word: string, at: number) =>
  Array.from({ length: 8 }, (_, i) => {
    const half = `Paragraph ${i} of a long text. `.repeat(18)
    return `${half}${i === at ? `Here is the ${word}. ` : ''}${half}`
  }).join('\n\n')

withVectors('a document of one piece is found once, by its words and its embedding together', async () => {
  const { call } = await app.organization()
  await put(call, 'd1', { content: 'The pool is open.', embedding: [1, 0] })
  await put(call, 'd2', { content: 'The bar is shut.', embedding: [0, 1] })
  const hybrid = await search(call, { query: 'pool', embedding: [1, 0] })
  expect(hybrid.map(({ id, score, scores }) => [id, score, scores.vector])).toEqual([
    ['d1', 1, 1],
    ['d2', 0, 0],
  ])
  expect(hybrid[0]?.scores.text).toBeGreaterThan(0)
  for (const mode of ['vector', 'hybrid'])
    expect((await search(call, { embedding: [1, 0], mode })).map(({ id, scores }) => [id, scores])).toEqual([
      ['d1', { text: null, vector: 1 }],
      ['d2', { text: null, vector: 0 }],
    ])
})

withVectors('the embedding of a long document is that of the whole: one hit, the best piece by words where there are words', async () => {
  const { call } = await app.organization()
  await put(call, 'long', { content: long('sauna', 5), embedding: [1, 0] })
  await put(call, 'other', { content: long('gym', 2), embedding: [0, 1] })
  const near = await search(call, { embedding: [1, 0], mode: 'vector' })
  expect(near.map(({ id, chunk, scores }) => [id, chunk, scores.vector])).toEqual([
    ['long', undefined, 1],
    ['other', undefined, 0],
  ])
  const hybrid = await search(call, { query: 'sauna', embedding: [1, 0] })
  expect(hybrid.map(({ id }) => id)).toEqual(['long', 'other'])
  expect(hybrid[0]).toMatchObject({ score: 1, content: expect.stringContaining('sauna'), scores: { vector: 1 } })
  // every piece has these words: the vector is that of the best of them, and makes no piece of its own
  const many = await search(call, { query: 'long text', embedding: [1, 0], limit: 100 })
  const places = many.map(({ id, chunk }) => `${id} ${chunk}`)
  expect([new Set(places).size, places.filter(place => place.endsWith('undefined'))]).toEqual([places.length, []])
  expect([many[0]?.id, many[0]?.scores.vector]).toEqual(['long', 1])
  expect(many.filter(({ id, scores }) => id === 'long' && scores.vector !== null)).toHaveLength(1)
})

withVectors(
  'pieces and their document may both bring vectors: a piece has the better of its own and, being the best, the whole one',
  async () => {
    const { call } = await app.organization()
    const chunks = [{ content: 'The pool.', embedding: [0, 1] }, { content: 'The bar.', embedding: [3, 4] }, { content: 'The gym.' }]
    await put(call, 'd', { content: 'The pool. The bar. The gym.', chunks, embedding: [1, 0] })
    const told = (found: Found[]) => found.map(({ chunk, scores }) => [chunk, scores.vector])
    expect(told(await search(call, { query: 'pool', embedding: [1, 0] }))).toEqual([
      [1, 1],
      [2, 0.6],
    ])
    expect(told(await search(call, { embedding: [1, 0], mode: 'vector' }))).toEqual([
      [2, 1],
      [1, 0],
    ])
  },
)

withVectors('an embedding that is changed, taken away, or of another content is not found any more', async () => {
  const { call } = await app.organization()
  const vectorOf = async () => (await search(call, { embedding: [1, 0], mode: 'vector' })).map(({ scores }) => scores.vector)
  for (const content of ['Short.', long('sauna', 1)]) {
    await put(call, 'd', { content, embedding: [1, 0] })
    expect(await vectorOf()).toEqual([1])
    await call('PATCH', '/rag/documents/d', { embedding: [3, 4] })
    expect(await vectorOf()).toEqual([0.6])
    await call('PATCH', '/rag/documents/d', { embedding: null })
    expect(await vectorOf()).toEqual([])
    await call('PATCH', '/rag/documents/d', { embedding: [1, 0] })
    await call('PATCH', '/rag/documents/d', { title: 'Another' })
    expect(await vectorOf()).toEqual([1])
    await call('PATCH', '/rag/documents/d', { content: `${content} More.` })
    expect(await vectorOf()).toEqual([])
  }
})

test.runIf(engine === 'server' && process.env.TEST_DATABASE_URL !== undefined)(
  'the migration brings the vectors of documents that were there before, and leaves those that are there',
  async () => {
    const { call, id } = await app.organization()
    await put(call, 'before', { content: long('sauna', 1), embedding: [1, 0] })
    await put(call, 'after', { content: 'Short.', embedding: [3, 4] })
    await put(call, 'none', { content: 'Without.' })
    await app.database.sql(`delete from item_vectors where organization_id = $1 and item_id = 'before'`, [id])
    const migration = readFileSync(new URL('../../sql/043_whole_vectors.sql', import.meta.url), 'utf8')
    for (let n = 0; n < 2; n++) await app.database.sql(`begin; ${migration} commit`)
    const found = await search(call, { embedding: [1, 0], mode: 'vector' })
    expect(found.map(({ id, scores }) => [id, scores.vector])).toEqual([
      ['before', 1],
      ['after', 0.6],
    ])
  },
)
