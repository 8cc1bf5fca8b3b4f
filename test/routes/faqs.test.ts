import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { unit } from '../../shared/embeddings/vector.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider } from '../support/provider.ts'
import { vectorsIn } from '../support/vectors.ts'

let app: Running
let bare: Running
let provider: ProviderStandIn
beforeAll(async () => {
  provider = await startProvider()
  app = await run({ EMBEDDING_PROVIDER: 'openai', EMBEDDING_URL: provider.url, EMBEDDING_MODEL: 'one' })
  bare = await run()
})
afterAll(async () => {
  await app.stop()
  await bare.stop()
  await provider.close()
})
beforeEach(() => {
  provider.asked = []
  provider.fate = () => 'answer'
})

const path = '/rag/faqs'
const faq = { id: 'f', question: 'When?', answer: 'From 8 to 5.', category: 'hours' }
const texts = () => provider.asked.flatMap(one => one.texts)
const refusing = () => {
  provider.fate = () => ({ status: 400 })
}
/** An organization with one question, of which the provider has been asked already. */
const start = async (more: object = {}, over = app) => {
  const { call, id } = await over.organization()
  expect((await call('POST', path, { ...faq, ...more })).status).toBe(201)
  provider.asked = []
  return { call, id, held: () => vectorsIn(over, id, 'faqs') }
}
const near = (numbers: number[] | undefined, ...given: number[]) =>
  expect(numbers).toEqual(Array.from(unit(given) as Float32Array, n => expect.closeTo(n, 6)))

test('a question is answered whole, also where little was said of it, without its embedding', async () => {
  const { call } = await app.organization()
  const made = await call('POST', path, { question: 'Q', answer: '', embedding: [1] })
  expect(made).toMatchObject({ status: 201, body: { question: 'Q', answer: '', category: null, metadata: {}, language: null } })
  expect(made.headers.get('location')).toBe(`${path}/${made.body.id}`)
  expect(made.text).not.toContain('embedding')
})

test('200 questions are created in their order, each with its vector', async () => {
  const { call, id } = await app.organization()
  const faqs = Array.from({ length: 200 }, (_, i) => ({ id: `f${i}`, question: `Question ${i}`, answer: `Answer ${i % 7}` }))
  const { status, body } = await call('POST', path, { faqs })
  expect([status, body.items.map((one: { id: string }) => one.id)]).toEqual([201, faqs.map(one => one.id)])
  const { vectors } = await vectorsIn(app, id, 'faqs')
  expect([vectors.length, new Set(vectors.map(one => one.of))]).toEqual([200, new Set(['the text'])])
  expect((await call('POST', path, { faqs: [...faqs, { question: 'Q', answer: 'A' }] })).status).toBe(400)
})

test('of several none is created where one is there already or is given twice, and the refusal says which', async () => {
  const { call } = await start()
  const post = (...ids: string[]) => call('POST', path, { faqs: ids.map(id => ({ ...faq, id })) })
  expect(await post('a', 'f')).toMatchObject({ status: 409, body: { errors: [{ path: 'faqs/1/id' }] } })
  expect(await post('a', 'a')).toMatchObject({ status: 400, body: { errors: [{ path: 'faqs/1/id' }] } })
  expect(await post('a', 'delete')).toMatchObject({ status: 400, body: { errors: [{ path: 'faqs/1/id' }] } })
  expect((await call('POST', path, { ...faq, id: 'delete' })).status).toBe(400)
  expect(await call('PUT', `${path}/delete`, { question: 'Q', answer: 'A' })).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'id' }] },
  })
  expect((await call('GET', path)).body.items).toHaveLength(1)
})

test.each<[string, 'PATCH' | 'PUT', object]>([
  ['a patch of what is no text', 'PATCH', { category: null, metadata: { a: 1 }, language: 'en' }],
  ['a patch to the present text', 'PATCH', { question: faq.question, answer: faq.answer }],
  ['a put of the present text', 'PUT', { question: faq.question, answer: faq.answer, metadata: { a: 1 } }],
])('%s asks for no vector and keeps those that are there', async (_, method, body) => {
  const { call, held } = await start()
  await call('PATCH', `${path}/f`, { embedding: [3, 4] })
  await app.admin('POST', '/jobs/complete-embeddings')
  provider.asked = []
  const before = await held()
  expect([before.state, before.vectors.map(({ model }) => model).sort()]).toEqual(['done', ['caller', 'one']])
  expect((await call(method, `${path}/f`, body)).status).toBe(200)
  expect([texts(), await held()]).toEqual([[], before])
})

test.each<[string, 'PATCH' | 'PUT', object, string]>([
  ['a patch of the question', 'PATCH', { question: 'Who?' }, 'Who?\nFrom 8 to 5.'],
  ['a patch of the answer', 'PATCH', { answer: 'Never.' }, 'When?\nNever.'],
  ['a put of another text', 'PUT', { question: 'Who?', answer: 'We.' }, 'Who?\nWe.'],
])('%s replaces the vector of the model and removes the one that a caller brought', async (_, method, body, text) => {
  const { call, held } = await start()
  await call('PATCH', `${path}/f`, { embedding: [3, 4] })
  await call(method, `${path}/f`, body)
  expect(texts()).toEqual([text])
  const { state, vectors } = await held()
  expect([state, vectors.map(({ model, of }) => [model, of])]).toEqual(['done', [['one', 'the text']]])
})

test('where the model refuses, the question is written, marked, and no vector of its former text stays', async () => {
  const { call, held } = await start()
  refusing()
  expect((await call('PATCH', `${path}/f`, { answer: 'Never.' })).status).toBe(200)
  expect(await held()).toEqual({ state: 'failed', vectors: [] })
  expect((await call('PUT', `${path}/g`, { question: 'Q', answer: 'A' })).status).toBe(201)
  expect((await held()).vectors).toEqual([])
})

test('a vector that the caller brings is kept without asking the model, whose own the job adds', async () => {
  const { call, held } = await start({ embedding: [3, 4] })
  expect(texts()).toEqual([])
  const first = await held()
  expect(first).toMatchObject({ state: 'pending', vectors: [{ model: 'caller', state: 'serving', of: 'the text' }] })
  near(first.vectors[0]?.numbers, 3, 4)
  await call('PATCH', `${path}/f`, { answer: 'Never.', embedding: [0, 1] })
  const second = await held()
  expect(second).toMatchObject({ state: 'pending', vectors: [{ model: 'caller', of: 'the text' }] })
  near(second.vectors[0]?.numbers, 0, 1)
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded' })
  expect(await held()).toMatchObject({ state: 'done', vectors: [{ model: 'caller' }, { model: 'one', of: 'the text' }] })
})

test('without a provider only what callers bring is there, and the question waits for one', async () => {
  const { call, held } = await start({}, bare)
  expect(await held()).toEqual({ state: 'pending', vectors: [] })
  await call('PUT', `${path}/f`, { ...faq, id: undefined, embedding: [3, 4] })
  expect(await held()).toMatchObject({ state: 'pending', vectors: [{ model: 'caller', of: 'the text' }] })
})

test('a filter removes what it matches by metadata and category, with the vectors', async () => {
  const { call, held } = await start({ metadata: { floor: 2 } })
  await call('POST', path, { id: 'g', question: 'Where?', answer: 'Here.', metadata: { floor: 3 } })
  expect((await call('POST', `${path}/delete`, { where: { category: 'none' } })).body).toEqual({ deleted: 0 })
  expect((await call('POST', `${path}/delete`, { where: { category: 'hours', floor: { $lt: 3 } } })).body).toEqual({ deleted: 1 })
  expect((await call('GET', path)).body.items).toMatchObject([{ id: 'g' }])
  expect((await held()).vectors).toMatchObject([{ item_id: 'g' }])
  expect((await call('POST', `${path}/delete`, { where: { $bad: 1 } })).status).toBe(400)
  expect((await call('POST', `${path}/delete`, {})).status).toBe(400)
})

test('If-Match holds for each way to change a question', async () => {
  const { call, held } = await start()
  const before = await held()
  const stale = { 'if-match': '"1"' }
  expect((await call('PATCH', `${path}/f`, { answer: 'Late' }, stale)).status).toBe(412)
  expect((await call('PUT', `${path}/f`, { question: 'Q', answer: 'Late' }, stale)).status).toBe(412)
  expect((await call('PUT', `${path}/none`, { question: 'Q', answer: 'Late' }, stale)).status).toBe(412)
  expect((await call('DELETE', `${path}/f`, undefined, stale)).status).toBe(412)
  expect(await held()).toEqual(before)
  expect((await call('PATCH', `${path}/none`, { answer: 'A' })).status).toBe(404)
})

test.each([
  ['no answer', { question: 'Q' }],
  ['an empty question', { question: '', answer: 'A' }],
  ['a vector of zeros', { question: 'Q', answer: 'A', embedding: [0, 0] }],
  ['a vector without numbers', { question: 'Q', answer: 'A', embedding: [] }],
  ['a vector of texts', { question: 'Q', answer: 'A', embedding: ['1'] }],
  ['too long a vector', { question: 'Q', answer: 'A', embedding: Array(1537).fill(1) }],
  ['metadata that is no object', { question: 'Q', answer: 'A', metadata: [] }],
  ['an unknown field', { question: 'Q', answer: 'A', tags: [] }],
])('%s: 400, and nothing is kept or asked', async (_, body) => {
  const { call } = await app.organization()
  expect((await call('POST', path, body)).status).toBe(400)
  expect((await call('PUT', `${path}/f`, body)).status).toBe(400)
  expect([(await call('GET', path)).body.items, texts()]).toEqual([[], []])
})
