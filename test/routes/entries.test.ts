import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { engine } from '../support/database.ts'
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

const withVectors = test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)
const path = '/knowledge/entries'
const hours = { id: 'e', title: 'Hours', content: 'From 8 to 5.', tags: ['open', 'closed'] }
const texts = () => provider.asked.flatMap(one => one.texts)
const refusing = () => {
  provider.fate = () => ({ status: 400 })
}
const start = async (entry: object = hours) => {
  const { call, id } = await app.organization()
  expect((await call('POST', path, entry)).status).toBe(201)
  provider.asked = []
  return { call, id, held: () => vectorsIn(app, id, 'knowledge') }
}

test('an entry is answered whole, also where little was said of it', async () => {
  const { call } = await app.organization()
  const made = await call('POST', path, { title: 'T', content: '' })
  expect(made).toMatchObject({ status: 201, body: { title: 'T', content: '', agent_id: null, tags: [], language: null } })
  expect(made.headers.get('location')).toBe(`${path}/${made.body.id}`)
  expect(Object.keys(made.body)).not.toContain('embedding_state')
  expect((await call('POST', path, { id: made.body.id, title: 'T', content: '' })).status).toBe(409)
})

test('an entry is listed under the agent that it names, who must be there', async () => {
  const { call } = await app.organization()
  const { body: agent } = await call('POST', '/agents', { name: 'A' })
  const { body: entry } = await call('POST', path, { agent_id: agent.id, title: 'T', content: 'C' })
  const { body: other } = await call('POST', path, { title: 'U', content: 'C' })
  expect((await call('GET', `${path}?agent_id=${agent.id}`)).body.items).toEqual([entry])
  expect((await call('GET', path)).body.items).toEqual([other, entry])
  const unknown = { status: 400, body: { errors: [{ path: 'agent_id', message: 'there is no such agent' }] } }
  expect(await call('POST', path, { agent_id: 'nobody', title: 'T', content: 'C' })).toMatchObject(unknown)
  expect(await call('PATCH', `${path}/${entry.id}`, { agent_id: 'nobody' })).toMatchObject(unknown)
  expect((await call('PATCH', `${path}/${entry.id}`, { agent_id: null })).body).toMatchObject({ agent_id: null, title: 'T' })
  await call('DELETE', `/agents/${agent.id}`)
  expect((await call('POST', path, { agent_id: agent.id, title: 'T', content: 'C' })).status).toBe(400)
})

test('the vector of title, content and tags is written with the entry, of one request to the provider', async () => {
  const { call, id } = await app.organization()
  await call('POST', path, hours)
  expect(texts()).toEqual(['Hours\nFrom 8 to 5.\nopen\nclosed'])
  const vectors = [{ item_id: 'e', model: 'one', state: 'serving', of: 'the text' }]
  expect(await vectorsIn(app, id, 'knowledge')).toMatchObject({ state: 'done', vectors })
})

test.each([
  ['nothing', {}],
  ['what is no text of it', { language: 'en', agent_id: null }],
  ['its texts, to what they are', { title: hours.title, content: hours.content, tags: hours.tags }],
])('a patch of %s asks for no vector and keeps the one that is there', async (_, patch) => {
  const { call, held } = await start()
  const before = await held()
  expect((await call('PATCH', `${path}/e`, patch)).status).toBe(200)
  expect([texts(), await held()]).toEqual([[], before])
})

test.each([
  ['title', { title: 'Times' }, 'Times\nFrom 8 to 5.\nopen\nclosed'],
  ['content', { content: '' }, 'Hours\n\nopen\nclosed'],
  ['tags', { tags: [] }, 'Hours\nFrom 8 to 5.'],
])('a patch of the %s replaces the vector', async (_, patch, text) => {
  const { call, held } = await start()
  await call('PATCH', `${path}/e`, patch)
  expect(texts()).toEqual([text])
  expect(await held()).toMatchObject({ state: 'done', vectors: [{ item_id: 'e', of: 'the text' }] })
  expect((await held()).vectors).toHaveLength(1)
})

test('where the model refuses, the entry is written, marked, and no vector of its former text stays', async () => {
  const { call, held } = await start()
  refusing()
  expect((await call('PATCH', `${path}/e`, { content: 'Never.' })).body).toMatchObject({ content: 'Never.' })
  expect(await held()).toEqual({ state: 'failed', vectors: [] })
  provider.fate = () => 'answer'
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 1 })
  expect(texts().at(-1)).toBe('Hours\nNever.\nopen\nclosed')
  expect(await held()).toMatchObject({ state: 'done', vectors: [{ of: 'the text' }] })
})

test('a stale If-Match changes neither the entry nor its vector', async () => {
  const { call, held } = await start()
  const before = await held()
  expect((await call('PATCH', `${path}/e`, { title: 'Late' }, { 'if-match': '"1"' })).status).toBe(412)
  expect(await held()).toEqual(before)
})

test('the vectors of a removed entry go with it, and its id begins anew', async () => {
  const { call, held } = await start()
  expect((await call('DELETE', `${path}/e`)).status).toBe(204)
  expect((await held()).vectors).toEqual([])
  refusing()
  expect((await call('POST', path, { ...hours, title: 'Again' })).status).toBe(201)
  expect(await held()).toEqual({ state: 'failed', vectors: [] })
})

test('without a provider an entry has no vector, and waits for one', async () => {
  const { call, id } = await bare.organization()
  await call('POST', path, hours)
  await call('PATCH', `${path}/e`, { title: 'Times' })
  expect(await vectorsIn(bare, id, 'knowledge')).toEqual({ state: 'pending', vectors: [] })
})

test("a vector that the caller brings is kept without asking the model, goes with its text, and the job adds the model's", async () => {
  const { call, held } = await start({ ...hours, embedding: [3, 4] })
  expect(texts()).toEqual([])
  expect(await held()).toMatchObject({ state: 'pending', vectors: [{ model: 'caller', state: 'serving', of: 'the text' }] })
  await call('PATCH', `${path}/e`, { language: 'en', content: hours.content })
  expect((await held()).vectors).toMatchObject([{ model: 'caller' }])
  provider.asked = []
  const patched = await call('PATCH', `${path}/e`, { content: 'Never.', embedding: [0, 1] })
  expect([patched.status, patched.text.includes('embedding'), texts()]).toEqual([200, false, []])
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded' })
  expect(await held()).toMatchObject({
    state: 'done',
    vectors: [
      { model: 'caller', of: 'the text' },
      { model: 'one', of: 'the text' },
    ],
  })
  await call('PATCH', `${path}/e`, { content: 'Always.' })
  expect(await held()).toMatchObject({ state: 'done', vectors: [{ model: 'one', of: 'the text' }] })
})

withVectors('without a provider entries are found by the vectors that callers bring', async () => {
  const { call } = await bare.organization()
  await call('POST', path, { id: 'a', title: 'Pool', content: 'Open.', embedding: [1, 0] })
  await call('POST', path, { id: 'b', title: 'Bar', content: 'Shut.' })
  await call('PATCH', `${path}/b`, { embedding: [3, 4] })
  const search = async (body: object) => (await call('POST', '/knowledge/search', { embedding: [1, 0], ...body })).body.items
  const [first, second] = [
    { id: 'a', scores: { vector: 1 } },
    { id: 'b', scores: { vector: 0.6 } },
  ]
  expect(await search({ mode: 'vector' })).toMatchObject([first, second])
  expect(await search({ query: 'pool' })).toMatchObject([{ ...first, score: 1 }, second])
  await call('PATCH', `${path}/a`, { title: 'Gym' })
  expect(await search({ mode: 'vector' })).toMatchObject([second])
})

test.each([
  ['no title', { content: 'C' }],
  ['an empty title', { title: '', content: 'C' }],
  ['no content', { title: 'T' }],
  ['a tag that is no text', { title: 'T', content: 'C', tags: [1] }],
  ['a language in words', { title: 'T', content: 'C', language: 'English' }],
  ['a vector of zeros', { title: 'T', content: 'C', embedding: [0, 0] }],
  ['an unknown field', { title: 'T', content: 'C', category: 'c' }],
])('%s: 400, and nothing is kept or asked', async (_, entry) => {
  const { call } = await app.organization()
  expect((await call('POST', path, entry)).status).toBe(400)
  expect([(await call('GET', path)).body.items, texts()]).toEqual([[], []])
})
