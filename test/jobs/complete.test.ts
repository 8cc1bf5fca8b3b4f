import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { unit } from '../../shared/embeddings/vector.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider, wordVector } from '../support/provider.ts'
import { itemsOf, type Vector } from './items.ts'

let app: Running
let provider: ProviderStandIn
let items: ReturnType<typeof itemsOf>
beforeAll(async () => {
  provider = await startProvider()
  app = await run({ EMBEDDING_PROVIDER: 'openai', EMBEDDING_URL: provider.url, EMBEDDING_MODEL: 'one' })
  items = itemsOf(app, provider)
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})
beforeEach(async () => {
  await items.clear()
  provider.asked = []
  provider.fate = () => 'answer'
})

const expectVector = (vector: Vector | undefined, text: string) => {
  const expected = unit(wordVector(text, 1536)) as Float32Array
  expect(vector?.numbers.every((n, i) => Math.abs(n - (expected[i] as number)) < 1e-6)).toBe(true)
}

test('items that wait for vectors have them afterwards, of every collection; a second run asks and writes nothing', async () => {
  const { id } = await app.organization()
  await items.entry(id, 'a', 'the content')
  await items.document(id, 'd', ['first chunk', 'second chunk', 'first chunk'])
  await items.faq(id, 'f', 'What?', 'That.')
  const { body } = await app.admin('POST', '/jobs/complete-embeddings')
  expect(body).toMatchObject({ outcome: 'succeeded', rows: 3 })
  const [knowledge, documents, faqs] = await Promise.all(['knowledge', 'documents', 'faqs'].map(name => items.vectors(id, name)))
  expect(documents?.map(({ item_id, chunk, model, state }) => [item_id, chunk, model, state])).toEqual([
    ['d', 1, 'one', 'serving'],
    ['d', 2, 'one', 'serving'],
    ['d', 3, 'one', 'serving'],
  ])
  expectVector(knowledge?.[0], 'Title\nthe content')
  expectVector(documents?.[1], 'second chunk')
  expectVector(faqs?.[0], 'What?\nThat.')
  expect(provider.asked.flatMap(({ texts }) => texts)).toHaveLength(4)
  expect([
    ...(await items.states(id, 'knowledge_entries')),
    ...(await items.states(id, 'rag_documents')),
    ...(await items.states(id, 'faqs')),
  ]).toEqual(['a done', 'd done', 'f done'])
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  expect(provider.asked).toHaveLength(3)
})

test('what was embedded before is not asked for again, in whatever item it stands', async () => {
  const { id } = await app.organization()
  await items.faq(id, 'f', 'How much?', 'Much.')
  await items.complete('one')
  provider.asked = []
  await items.faq(id, 'g', 'How much?', 'Much.')
  expect(await items.complete('one')).toBe(1)
  expect([provider.asked.length, (await items.vectors(id, 'faqs')).length]).toEqual([0, 2])
})

test('completing an item changes neither its version nor leaves an event: its record is as it was', async () => {
  const { id } = await app.organization()
  await items.entry(id, 'a', 'quiet')
  const before = await items.sql('select version, updated_at from knowledge_entries where organization_id = $1', [id])
  await items.complete('one')
  expect(await items.sql('select version, updated_at from knowledge_entries where organization_id = $1', [id])).toEqual(before)
  expect(await items.sql(`select id from audit_events where organization_id = $1 and action = 'update'`, [id])).toEqual([])
})

test('while the provider is asked others are served, where there is but one connection too', async () => {
  const { id, call } = await app.organization()
  await items.entry(id, 'a', 'slow')
  const statuses: number[] = []
  provider.fate = async () => {
    statuses.push((await call('GET', '/agents')).status)
    return 'answer' as const
  }
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 1 })
  expect(statuses).toEqual([200])
})

test('a provider that fails fails the run, which says so; the next one goes on from what was made', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 150; i++) await items.entry(id, `e${i}`, `content ${i}`)
  let calls = 0
  provider.fate = () => (++calls > 3 ? { status: 503, headers: { 'retry-after': '3600' } } : 'answer')
  const failed = await app.admin('POST', '/jobs/complete-embeddings')
  expect(failed.status).toBe(500)
  const [last] = (await app.admin('GET', '/jobs/runs?name=complete-embeddings&outcome=failed')).body.items
  expect(last.error).toContain('knowledge: openai answered 503')
  const made = (await items.sql('select id from embeddings_cache where organization_id = $1', [id])).length
  expect(made).toBeGreaterThan(60)
  provider.fate = () => 'answer'
  provider.asked = []
  await items.complete('one')
  expect(provider.asked.flatMap(({ texts }) => texts)).toHaveLength(150 - made)
  expect(await items.vectors(id, 'knowledge')).toHaveLength(150)
})

test('a text that is refused keeps no other from its vector, and the run tells of it; a blank one needs none', async () => {
  const { id } = await app.organization()
  for (const name of ['a', 'b', 'c']) await items.entry(id, name, name === 'b' ? 'poison' : 'sound')
  await items.document(id, 'blank', [' '])
  provider.fate = ({ texts }) => (texts.some(text => text.includes('poison')) ? { status: 400 } : 'answer')
  await expect(items.complete('one')).rejects.toThrow(`knowledge: 2 done, 1 refused by openai: ${id}/b`)
  expect(await items.states(id, 'knowledge_entries')).toEqual(['a done', 'b failed', 'c done'])
  expect(await items.states(id, 'rag_documents')).toEqual(['blank done'])
  expect((await items.vectors(id, 'knowledge')).map(({ item_id }) => item_id)).toEqual(['a', 'c'])
})

test('a document of more chunks than a page holds is done when its last one is, and failed when any of them is refused', async () => {
  const { id } = await app.organization()
  await items.document(id, 'a', ['small'])
  await items.document(
    id,
    'b',
    Array.from({ length: 600 }, (_, i) => `chunk ${i}`),
  )
  await items.document(
    id,
    'c',
    Array.from({ length: 300 }, (_, i) => (i === 3 ? 'poison' : `other chunk ${i}`)),
  )
  await items.document(id, 'd', ['small too'])
  provider.dimensions = 8
  provider.fate = ({ texts }) => (texts.includes('poison') ? { status: 400 } : 'answer')
  const seen: string[][] = []
  const run = items.complete('wide', store => ({
    ...store,
    write: async (...asked) => {
      const done = await store.write(...asked)
      seen.push(await items.states(id, 'rag_documents'))
      return done
    },
  }))
  await expect(run).rejects.toThrow(`3 done, 1 refused by openai: ${id}/c`)
  provider.dimensions = 1536
  expect(seen).toEqual([
    ['a done', 'b pending', 'c pending', 'd pending'],
    ['a done', 'b pending', 'c pending', 'd pending'],
    ['a done', 'b done', 'c pending', 'd pending'],
    ['a done', 'b done', 'c failed', 'd done'],
  ])
  expect(await items.vectors(id, 'documents')).toHaveLength(901)
})

test('an item that changes while its vector is made keeps none of its former text', async () => {
  const { id } = await app.organization()
  await items.entry(id, 'a', 'former')
  await items.complete('four', store => ({
    ...store,
    write: async (...asked) => {
      await items.sql(
        `update knowledge_entries set content = 'present', version = nextval('row_version') where organization_id = $1 and content = 'former'`,
        [id],
      )
      return store.write(...asked)
    },
  }))
  expect([await items.vectors(id, 'knowledge'), await items.states(id, 'knowledge_entries')]).toEqual([[], ['a pending']])
  await items.complete('four')
  expectVector((await items.vectors(id, 'knowledge'))[0], 'Title\npresent')
})

test('where no provider is configured there is nothing to do', async () => {
  const none = await run()
  try {
    expect((await none.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  } finally {
    await none.stop()
  }
})
