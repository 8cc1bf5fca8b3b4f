import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { postgresCompletions } from '../../functions/knowledge/complete.postgres.ts'
import type { CompletionStore } from '../../functions/knowledge/complete.store.ts'
import { completion } from '../../functions/knowledge/complete.ts'
import { vector } from '../../shared/cache/codecs.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { cachedEmbeddings } from '../../shared/embeddings/cached.ts'
import { postgresVectors } from '../../shared/embeddings/kept.postgres.ts'
import { openAiEmbedder } from '../../shared/embeddings/openai.ts'
import { unit } from '../../shared/embeddings/vector.ts'
import { jobOf } from '../../shared/job.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider, wordVector } from '../support/provider.ts'

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
/** The job works for every organization: those of other tests have nothing. */
const TABLES = ['rag_chunks', 'rag_documents', 'knowledge_entries', 'faqs', 'item_vectors', 'embedding_generations']
beforeEach(async () => {
  for (const table of TABLES) await app.database.sql(`delete from ${table}`)
  provider.asked = []
  provider.fate = () => 'answer'
})

const scope: Scope = { organization_id: '', caller: { kind: 'jobs', actor: 'test' }, context: { request_id: 'test' } }
const patience = { timeout: 5000, attempts: 2, pause: 1, sleep: async () => {}, random: () => 0 }

let processes = 0
/** The job as a process does it whose configured model is `model`; `change` stands between it and its store. */
const complete = (model: string, change: (store: CompletionStore) => CompletionStore = store => store) => {
  const { db, log, cache } = app.shared
  const hot = cache({ name: `vectors-${++processes}`, codec: vector, seconds: 60, bytes: 1e7 })
  const embedder = openAiEmbedder({ url: provider.url, model, dimensions: undefined, apiKey: undefined, patience })
  return jobOf(
    'complete',
    '',
    completion(change(postgresCompletions(db)), cachedEmbeddings(embedder, postgresVectors(db), { cache: hot, log })),
  ).run(scope)
}

const sql = <R extends object>(text: string, values: unknown[]) => app.database.sql<R>(text, values)
const entry = (organization: string, id: string, content: string) =>
  sql(
    `insert into knowledge_entries (organization_id, id, title, content, version, created_at, updated_at)
    values ($1, $2, 'Title', $3, nextval('row_version'), now(), now())`,
    [organization, id, content],
  )
const document = async (organization: string, id: string, chunks: string[]) => {
  await sql(
    `insert into rag_documents (organization_id, id, title, content, chunk_count, version, created_at, updated_at)
    values ($1, $2, 'Title', $3, $4, nextval('row_version'), now(), now())`,
    [organization, id, chunks.join(' '), chunks.length],
  )
  for (const [i, chunk] of chunks.entries())
    await sql('insert into rag_chunks (organization_id, document_id, number, content) values ($1, $2, $3, $4)', [
      organization,
      id,
      i + 1,
      chunk,
    ])
}
const faq = (organization: string, id: string, question: string, answer: string) =>
  sql(
    `insert into faqs (organization_id, id, question, answer, version, created_at, updated_at)
    values ($1, $2, $3, $4, nextval('row_version'), now(), now())`,
    [organization, id, question, answer],
  )
type Vector = { item_id: string; chunk: number; model: string; state: string; text: string; numbers: number[] }
const vectors = (organization: string, collection: string) =>
  sql<Vector>(
    `select item_id, chunk, model, state, embedding::real[] as numbers from item_vectors v
    join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    where v.organization_id = $1 and v.collection = $2 order by item_id, chunk, g.number`,
    [organization, collection],
  )
const states = async (organization: string, table: string) =>
  (
    await sql<{ id: string; embedding_state: string }>(`select id, embedding_state from ${table} where organization_id = $1 order by id`, [
      organization,
    ])
  ).map(row => `${row.id} ${row.embedding_state}`)
const generations = async (organization: string) =>
  (
    await sql<{ model: string; state: string }>(
      'select model, state from embedding_generations where organization_id = $1 and collection = $2 order by number',
      [organization, 'knowledge'],
    )
  ).map(({ model, state }) => `${model} ${state}`)

const expectVector = (vector: Vector | undefined, text: string) => {
  const expected = unit(wordVector(text, 1536)) as Float32Array
  expect(vector?.numbers.every((n, i) => Math.abs(n - (expected[i] as number)) < 1e-6)).toBe(true)
}

test('items that wait for vectors have them afterwards, of every collection; a second run asks and writes nothing', async () => {
  const { id } = await app.organization()
  await entry(id, 'a', 'the content')
  await document(id, 'd', ['first chunk', 'second chunk', 'first chunk'])
  await faq(id, 'f', 'What?', 'That.')
  const { body } = await app.admin('POST', '/jobs/complete-embeddings')
  expect(body).toMatchObject({ outcome: 'succeeded', rows: 3 })
  const [knowledge, documents, faqs] = await Promise.all(['knowledge', 'documents', 'faqs'].map(name => vectors(id, name)))
  expect(documents?.map(({ item_id, chunk, model, state }) => [item_id, chunk, model, state])).toEqual([
    ['d', 1, 'one', 'serving'],
    ['d', 2, 'one', 'serving'],
    ['d', 3, 'one', 'serving'],
  ])
  expectVector(knowledge?.[0], 'Title\nthe content')
  expectVector(documents?.[1], 'second chunk')
  expectVector(faqs?.[0], 'What?\nThat.')
  expect(provider.asked.flatMap(({ texts }) => texts)).toHaveLength(4)
  expect([...(await states(id, 'knowledge_entries')), ...(await states(id, 'rag_documents')), ...(await states(id, 'faqs'))]).toEqual([
    'a done',
    'd done',
    'f done',
  ])
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  expect(provider.asked).toHaveLength(3)
})

test('what was embedded before is not asked for again, in whatever item it stands', async () => {
  const { id } = await app.organization()
  await faq(id, 'f', 'How much?', 'Much.')
  await complete('one')
  provider.asked = []
  await faq(id, 'g', 'How much?', 'Much.')
  expect(await complete('one')).toBe(1)
  expect([provider.asked.length, (await vectors(id, 'faqs')).length]).toEqual([0, 2])
})

test('completing an item changes neither its version nor leaves an event: its record is as it was', async () => {
  const { id } = await app.organization()
  await entry(id, 'a', 'quiet')
  const before = await sql('select version, updated_at from knowledge_entries where organization_id = $1', [id])
  await complete('one')
  expect(await sql('select version, updated_at from knowledge_entries where organization_id = $1', [id])).toEqual(before)
  expect(await sql(`select id from audit_events where organization_id = $1 and action = 'update'`, [id])).toEqual([])
})

test('a provider that fails fails the run, which says so; the next one goes on from what was made', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 150; i++) await entry(id, `e${i}`, `content ${i}`)
  let calls = 0
  provider.fate = () => (++calls > 3 ? { status: 503, headers: { 'retry-after': '3600' } } : 'answer')
  const failed = await app.admin('POST', '/jobs/complete-embeddings')
  expect(failed.status).toBe(500)
  const [last] = (await app.admin('GET', '/jobs/runs?name=complete-embeddings&outcome=failed')).body.items
  expect(last.error).toContain('knowledge: openai answered 503')
  const made = (await sql('select id from embeddings_cache where organization_id = $1', [id])).length
  expect(made).toBeGreaterThan(60)
  provider.fate = () => 'answer'
  provider.asked = []
  await complete('one')
  expect(provider.asked.flatMap(({ texts }) => texts)).toHaveLength(150 - made)
  expect(await vectors(id, 'knowledge')).toHaveLength(150)
})

test('a text that is refused keeps no other from its vector, and the run tells of it; a blank one needs none', async () => {
  const { id } = await app.organization()
  for (const name of ['a', 'b', 'c']) await entry(id, name, name === 'b' ? 'poison' : 'sound')
  await document(id, 'blank', [' '])
  provider.fate = ({ texts }) => (texts.some(text => text.includes('poison')) ? { status: 400 } : 'answer')
  await expect(complete('one')).rejects.toThrow(`knowledge: 2 done, 1 refused by openai: ${id}/b`)
  expect(await states(id, 'knowledge_entries')).toEqual(['a done', 'b failed', 'c done'])
  expect(await states(id, 'rag_documents')).toEqual(['blank done'])
  expect((await vectors(id, 'knowledge')).map(({ item_id }) => item_id)).toEqual(['a', 'c'])
})

test('another model is built beside the one that serves, serves in one step when it is whole, and the former vectors go', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 100; i++) await entry(id, `e${i}`, `content ${i}`)
  await complete('one')
  let served = 0
  const seen: string[][] = []
  await complete('two', store => ({
    ...store,
    write: async (...asked) => {
      seen.push(await generations(id))
      return store.write(...asked)
    },
    serve: async (...asked) => {
      seen.push(await generations(id))
      const done = await store.serve(...asked)
      served++
      seen.push(await generations(id))
      return done
    },
  }))
  expect(new Set(seen.map(states => states.join()))).toEqual(new Set(['one serving,two building', 'one retired,two serving']))
  expect([served, await generations(id)]).toEqual([1, ['two serving']])
  const now = await vectors(id, 'knowledge')
  expect([now.length, new Set(now.map(({ model }) => model))]).toEqual([100, new Set(['two'])])
  expect(await complete('two')).toBe(0)
})

test('until the other model is whole nothing of it serves, and a run that was interrupted goes on', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 100; i++) await entry(id, `e${i}`, `content ${i}`)
  await complete('one')
  let pages = 0
  const interrupted = complete('three', store => ({
    ...store,
    write: async (...asked) => {
      if (++pages === 2) throw new Error('the process ended')
      return store.write(...asked)
    },
  }))
  await expect(interrupted).rejects.toThrow('the process ended')
  expect(await generations(id)).toEqual(['one serving', 'three building'])
  provider.asked = []
  await complete('three')
  expect(provider.asked).toEqual([]) // what was made before it ended was kept
  expect(await generations(id)).toEqual(['three serving'])
  expect(await vectors(id, 'knowledge')).toHaveLength(100)
})

test('what a process of the former model writes while the switch is under way is made anew before it', async () => {
  const { id } = await app.organization()
  await entry(id, 'a', 'early')
  await complete('one')
  let late = true
  await complete('four', store => ({
    ...store,
    serve: async (...asked) => {
      if (late) {
        late = false
        await entry(id, '0', 'late')
        await sql(
          `with n as (select embedding_generation($1, 'knowledge', 'openai', 'one', 1536) as number),
          v as (insert into item_vectors select $1, 'knowledge', '0', 0, number, array_fill(0.1, array[1536])::real[], 'hash' from n)
          update knowledge_entries set embedding_state = 'done' where organization_id = $1 and id = '0'`,
          [id],
        )
      }
      return store.serve(...asked)
    },
  }))
  expect((await vectors(id, 'knowledge')).map(({ item_id, model }) => [item_id, model])).toEqual([
    ['0', 'four'],
    ['a', 'four'],
  ])
  expect(await generations(id)).toEqual(['four serving'])
})

test('an item that changes while its vector is made keeps none of its former text', async () => {
  const { id } = await app.organization()
  await entry(id, 'a', 'former')
  await complete('four', store => ({
    ...store,
    write: async (...asked) => {
      await sql(
        `update knowledge_entries set content = 'present', version = nextval('row_version') where organization_id = $1 and content = 'former'`,
        [id],
      )
      return store.write(...asked)
    },
  }))
  expect([await vectors(id, 'knowledge'), await states(id, 'knowledge_entries')]).toEqual([[], ['a pending']])
  await complete('four')
  expectVector((await vectors(id, 'knowledge'))[0], 'Title\npresent')
})

test('vectors that callers bring stay beside any model', async () => {
  const { id } = await app.organization()
  await entry(id, 'a', 'brought')
  const bring = `with n as (select embedding_generation($1, 'knowledge', 'caller', 'caller', 1536) as number)
    insert into item_vectors select $1, 'knowledge', 'a', 0, number, array_fill(0.1, array[1536])::real[], 'hash' from n`
  await sql(bring, [id])
  await complete('four')
  await complete('five')
  expect((await vectors(id, 'knowledge')).map(({ model, state }) => [model, state])).toEqual([
    ['caller', 'serving'],
    ['five', 'serving'],
  ])
})

test('where no provider is configured there is nothing to do', async () => {
  const none = await run()
  try {
    expect((await none.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  } finally {
    await none.stop()
  }
})
