import { afterAll, beforeAll, expect, test } from 'vitest'
import { engine } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider } from '../support/provider.ts'

let app: Running
let provider: ProviderStandIn
beforeAll(async () => {
  provider = await startProvider()
  app = await run({ EMBEDDING_PROVIDER: 'openai', EMBEDDING_URL: provider.url, EMBEDDING_MODEL: 'one' })
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})

const withVectors = test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)

withVectors('while the provider is down a hybrid search goes by words, and one by vectors alone is unavailable', async () => {
  const { call } = await app.organization()
  await call('POST', '/rag/documents', { id: 'pool', title: 'Pool', content: 'The pool is open.' })
  await call('POST', '/rag/documents', { id: 'bar', title: 'Bar', content: 'The bar is shut.' })
  const search = (body: object) => call('POST', '/rag/search', body)
  const near = await search({ query: 'the pool', mode: 'vector' })
  expect([near.status, near.body.items[0]]).toMatchObject([200, { id: 'pool', scores: { text: null, vector: expect.any(Number) } }])

  provider.fate = () => ({ status: 401 })
  for (const weights of [undefined, { text: 0, vector: 1 }]) {
    const words = await search({ query: 'a pool', weights })
    expect(words).toMatchObject({ status: 200, body: { items: [{ id: 'pool', score: 1, scores: { vector: null } }] } })
  }
  const refused = await search({ query: 'a pool', mode: 'vector' })
  expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'unavailable', '30'])
  // what was asked before is known, and a vector of one's own needs nobody
  expect((await search({ query: 'the pool', mode: 'vector' })).body.items[0].id).toBe('pool')
  expect((await search({ embedding: [1], mode: 'vector' })).body).toEqual({ items: [] })
})
