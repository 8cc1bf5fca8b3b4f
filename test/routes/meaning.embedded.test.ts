import { afterAll, beforeAll, expect } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { modelTest } from '../support/modeltest.ts'

let app: Running
beforeAll(async () => {
  app = await run({ EMBEDDING_PROVIDER: 'local' })
})
afterAll(() => app.stop())

/** Each with a question that has none of its words. */
const documents = [
  { id: 'refund', content: 'Reimbursement reaches your bank account five days later.', asked: 'When will I get my money back?' },
  { id: 'pool', content: 'Swimming takes place outdoors from May to September.', asked: 'Can I bathe under the open sky in summer?' },
  { id: 'dog', content: 'Dogs and cats are welcome, for a small fee.', asked: 'Is my puppy allowed?' },
  { id: 'taxi', content: 'Airport transfer: a driver meets guests at the terminal.', asked: 'How do we travel after our flight lands?' },
  { id: 'wifi', content: 'Wireless network access costs nothing.', asked: 'Is there free internet?' },
]

modelTest('documents are found by what they mean, with words that none of them has, beside those found by words', async () => {
  const { call } = await app.organization()
  const posted = documents.map(({ id, content }) => ({ id, title: id, content }))
  expect((await call('POST', '/rag/documents', { documents: posted })).status).toBe(201)
  const firstOf = async (query: string, mode: string) =>
    (await call('POST', '/rag/search', { query, mode, collections: ['documents'] })).body.items[0]?.id
  for (const { id, asked } of documents) {
    expect([asked, await firstOf(asked, 'hybrid')]).toEqual([asked, id])
    expect([asked, await firstOf(asked, 'vector')]).toEqual([asked, id])
  }
  expect(await firstOf('terminal', 'hybrid')).toBe('taxi')
  const { items } = (await call('POST', '/rag/search', { query: 'Is my puppy allowed?', collections: ['documents'] })).body
  expect(items[0].scores).toEqual({ text: null, vector: expect.any(Number) })
})

modelTest('an answered question and an entry of knowledge are found by what they mean as well', async () => {
  const { call } = await app.organization()
  await call('POST', '/rag/faqs', { question: 'May I smoke?', answer: 'Not inside.' })
  await call('POST', '/rag/faqs', { question: 'Where can one park?', answer: 'Behind the building.' })
  await call('POST', '/knowledge/entries', { title: 'Breakfast', content: 'Eggs and bread from seven to ten.' })
  await call('POST', '/knowledge/entries', { title: 'Laundry', content: 'Shirts are washed overnight.' })
  const faq = await call('POST', '/rag/search', { query: 'a place to leave my car', collections: ['faqs'] })
  expect(faq.body.items[0]).toMatchObject({ title: 'Where can one park?' })
  const entry = await call('POST', '/knowledge/search', { query: 'What is there for a morning meal?' })
  expect(entry.body.items[0]).toMatchObject({ title: 'Breakfast' })
})
