import { afterAll, beforeAll, expect, test } from 'vitest'
import { engine } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

test('documents are found by their words, with and without vectors, and by a viewer', async () => {
  const { call } = await app.organization()
  await call('POST', '/rag/documents', {
    id: 'hours',
    title: 'Pool',
    content: 'The pool is open from eight to ten.',
    metadata: { area: 'spa' },
  })
  await call('POST', '/rag/documents', { id: 'bar', title: 'Bar', content: 'The bar is open until midnight.' })
  const found = await call('POST', '/rag/search', { query: 'when is the pool open?' })
  expect(found.status).toBe(200)
  expect(found.body.items.map(({ id }: { id: string }) => id)).toEqual(['hours', 'bar'])
  const narrowed = await call('POST', '/rag/search', {
    query: 'open',
    collections: ['documents'],
    where: { area: 'spa' },
    min_score: 0.1 + 0.2,
  })
  expect(narrowed.body.items).toMatchObject([{ collection: 'documents', id: 'hours', scores: { vector: null } }])
  const { body: key } = await call('POST', '/organizations/api-keys', { name: 'reader', role: 'viewer' })
  expect((await app.as(key.secret)('POST', '/rag/search', { query: 'pool' })).body.items).toHaveLength(1)
})

test('a search says what it lacks, by the field', async () => {
  const { call } = await app.organization()
  const pathOf = async (body: object) => {
    const { status, body: problem } = await call('POST', '/rag/search', body)
    return [status, problem.errors?.[0]?.path]
  }
  expect(await pathOf({})).toEqual([400, 'query'])
  expect(await pathOf({ mode: 'text', embedding: [1] })).toEqual([400, 'query'])
  expect(await pathOf({ mode: 'vector', query: 'x' })).toEqual([400, 'embedding'])
  expect(await pathOf({ query: 'x', embedding: [0, 0] })).toEqual([400, 'embedding'])
  expect(await pathOf({ query: 'x', weights: { text: 0, vector: 0 } })).toEqual([400, 'weights'])
  expect(await pathOf({ query: 'x', where: { a: { $near: 1 } } })).toEqual([400, 'where/a/$near'])
  expect(await pathOf({ query: 'x', tags: ['a'] })).toEqual([400, 'tags'])
})

/** By words alone where the server compares no vectors. */
const bodies =
  process.env.TEST_DATABASE_URL === undefined
    ? [{ query: 'common word', mode: 'text' }]
    : [
        { query: 'common word', mode: 'text' },
        { query: 'common word', embedding: [1, 1] },
        { embedding: [1, 1], mode: 'vector' },
      ]

test.runIf(engine === 'server').each(bodies)(
  'whoever searches (%o) while a document is replaced sees the old one or the new one, never parts of both',
  async body => {
    const { call } = await app.organization()
    const chunksOf = (n: number) =>
      Array.from({ length: 3 }, (_, i) => ({ content: `common word, part ${i + 1} of edition ${n}`, embedding: [1 + i, 1 + n] }))
    const put = (n: number) => call('PUT', '/rag/documents/d', { title: `Edition ${n}`, content: `edition ${n}`, chunks: chunksOf(n) })
    await put(0)
    let done = false
    const seen = new Set<string>()
    const read = async () => {
      while (!done) {
        const { status, body: answer } = await call('POST', '/rag/search', body)
        expect(status).toBe(200)
        const items = answer.items as { title: string; content: string }[]
        expect(items).toHaveLength(3)
        const editions = new Set(items.flatMap(({ title, content }) => [title.split(' ').at(-1), content.split(' ').at(-1)]))
        expect([...editions]).toHaveLength(1)
        seen.add([...editions][0] as string)
      }
    }
    const readers = [read(), read(), read()]
    try {
      for (let n = 1; n <= 60; n++) expect((await put(n)).status).toBe(200)
    } finally {
      done = true
    }
    await Promise.all(readers)
    expect(seen.size).toBeGreaterThan(5)
  },
)
