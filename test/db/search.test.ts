import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { postgresSearch } from '../../shared/db/search.ts'
import { literalOf, unit } from '../../shared/embeddings/vector.ts'
import { answerOf } from '../../shared/search/ask.ts'
import { SearchBody } from '../../shared/search/schema.ts'
import type { Asked, Hit } from '../../shared/search/search.ts'
import { WhereShape } from '../../shared/where.ts'
import { engine, makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let shared: Awaited<ReturnType<typeof shareTest>>
let db: Database

beforeAll(async () => {
  database = await makeTestDatabase()
  shared = await shareTest(database)
  db = shared.db
})
afterAll(async () => {
  await shared.close()
  await database.drop()
})

let serial = 0
/** An organization of the test's own. */
const organization = (): string => `org-${++serial}`

const scopeOf = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})

type Doc = { id: string; title?: string; chunks: string[]; language?: string; metadata?: object }

const addDocument = async (org: string, { id, title = '', chunks, language = 'en', metadata = {} }: Doc): Promise<void> => {
  await database.sql(
    `insert into rag_documents (organization_id, id, title, content, language, metadata, chunk_count, version, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, nextval('row_version'), now(), now())`,
    [org, id, title, chunks.join('\n'), language, metadata, chunks.length],
  )
  for (const [i, content] of chunks.entries())
    await database.sql('insert into rag_chunks (organization_id, document_id, number, content) values ($1, $2, $3, $4)', [
      org,
      id,
      i + 1,
      content,
    ])
}

const addFaq = (org: string, id: string, question: string, answer: string, category: string | null = null): Promise<unknown> =>
  database.sql(
    `insert into faqs (organization_id, id, question, answer, category, version, created_at, updated_at)
     values ($1, $2, $3, $4, $5, nextval('row_version'), now(), now())`,
    [org, id, question, answer, category],
  )

const addEntry = (org: string, id: string, content: string, tags: string[], agent: string | null = null): Promise<unknown> =>
  database.sql(
    `insert into knowledge_entries (organization_id, id, agent_id, title, content, tags, version, created_at, updated_at)
     values ($1, $2, $3, 'Entry', $4, $5, nextval('row_version'), now(), now())`,
    [org, id, agent, content, tags],
  )

/** The vector of a chunk, as a model (the callers' unless said) made it. */
const addVector = (org: string, id: string, chunk: number, numbers: number[], model = 'caller'): Promise<unknown> =>
  database.sql(
    `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
     values ($1, 'documents', $2, $3, embedding_generation($1, 'documents', $4, $4, 1536), $5::real[], '')`,
    [org, id, chunk, model, literalOf(unit(numbers) as Float32Array)],
  )

const search = async (
  org: string,
  body: object,
  more: Partial<Asked['narrow']> = {},
  collections: Asked['collections'] = ['documents', 'faqs'],
) => {
  const answer = await answerOf(postgresSearch(db), undefined, scopeOf(org), SearchBody.parse(body), { collections, narrow: more })
  return (JSON.parse(answer.reply.body) as { items: Hit[] }).items
}
const ids = (hits: readonly Hit[]) => hits.map(({ id }) => id)

const withVectors = test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)

test('any word may match, those that few texts have weigh more, and a short text more than a long one', async () => {
  const org = organization()
  await addDocument(org, { id: 'pool', chunks: ['The pool is open from eight to ten.'] })
  await addDocument(org, { id: 'long', chunks: [`The pool is open. ${'Guests of the hotel are asked to bring a towel. '.repeat(20)}`] })
  await addDocument(org, { id: 'bar', chunks: ['The bar is open until midnight.'] })
  await addDocument(org, { id: 'sauna', chunks: ['The sauna is closed on Mondays.'] })
  expect(ids(await search(org, { query: 'When is the swimming pool open?', mode: 'text' }))).toEqual(['pool', 'long', 'bar'])
  expect(await search(org, { query: 'zzz yyy', mode: 'text' })).toEqual([])
  expect(ids(await search(org, { query: 'until the' }))).toContain('bar')
})

test('a question of stop words alone finds what has them, and odd signs are no error', async () => {
  const org = organization()
  await addDocument(org, { id: 'hamlet', chunks: ['To be, or not to be: that is the question.'] })
  expect(ids(await search(org, { query: 'to be or not to be' }))).toEqual(['hamlet'])
  for (const query of ["'", '"', '""', '" "', '\\', ':*', '!', '& | !', '<->', "it's (a) <b> & \\ :", '%', '日本語']) {
    const found = await search(org, { query })
    expect(found.length).toBeLessThanOrEqual(1)
  }
})

test('what stands in quotes must stand there so, and identifiers are found whole', async () => {
  const org = organization()
  await addDocument(org, { id: 'phrase', chunks: ['Late check out costs twenty euros.'] })
  await addDocument(org, { id: 'apart', chunks: ['Check the list: out of late guests, twenty pay.'] })
  await addDocument(org, { id: 'code', chunks: ['ERR_42-b means that the door is open; write to ada@acme.example about version 1.2.3.'] })
  await addDocument(org, { id: 'other', chunks: ['ERR_43-b means that the door is shut; write to bob@acme.example about version 1.2.4.'] })
  expect(ids(await search(org, { query: '"late check out"' }))).toEqual(['phrase'])
  for (const query of ['ERR_42-b', 'err_42-b', '"ada@acme.example"', 'what is 1.2.3?'])
    expect(ids(await search(org, { query }))[0]).toBe('code')
})

withVectors('what is near in meaning without the phrase in quotes is no result', async () => {
  const org = organization()
  await addDocument(org, { id: 'phrase', chunks: ['Late check out costs twenty euros.'] })
  await addDocument(org, { id: 'near', chunks: ['Leaving after noon is not free.'] })
  await addVector(org, 'near', 1, [1])
  expect(ids(await search(org, { query: '"late check out"', embedding: [1] }))).toEqual(['phrase'])
  expect(ids(await search(org, { query: 'late check out', embedding: [1] })).sort()).toEqual(['near', 'phrase'])
})

test("a text without a word is in no question's way", async () => {
  const org = organization()
  await addDocument(org, { id: 'dash', title: '—', chunks: ['—'], language: 'fr' })
  await addDocument(org, { id: 'late', chunks: ['Late check out costs twenty euros.'] })
  expect(ids(await search(org, { query: '"check out"' }))).toEqual(['late'])
  expect(ids(await search(org, { query: 'check —' }))).toEqual(['late'])
})

test('a question may be pages of words, of which the rarest rank', async () => {
  const org = organization()
  const words = Array.from({ length: 2000 }, (_, i) => String.fromCodePoint(0x4e00 + i))
  await addDocument(org, { id: 'all', chunks: [words.join(' ')] })
  await addDocument(org, { id: 'none', chunks: ['another'] })
  expect(ids(await search(org, { query: words.join(' ') }))).toEqual(['all'])
  expect(ids(await search(org, { query: `${words.slice(1).join(' ')} another` }))).toEqual(['all', 'none'])
})

test('words are matched by their stems in the language of the text', async () => {
  const org = organization()
  await addDocument(org, { id: 'en', chunks: ['The guests were swimming.'] })
  await addDocument(org, { id: 'de', chunks: ['Die Häuser stehen am Fluss.'], language: 'de' })
  await addDocument(org, { id: 'xx', chunks: ['swims'], language: 'xx' })
  expect(ids(await search(org, { query: 'swims' })).sort()).toEqual(['en', 'xx'])
  expect(ids(await search(org, { query: 'Haus' }))).toEqual(['de'])
})

test('results tell where they stand, what was found there, and how well', async () => {
  const org = organization()
  await addDocument(org, { id: 'd', title: 'Rules', chunks: ['Breakfast is from 7 to 10.', 'Dogs <b>must</b> be on a lead & quiet.'] })
  await addFaq(org, 'f', 'May I bring my dog?', 'Yes, dogs are welcome.', 'pets')
  const found = await search(org, { query: 'dogs on a lead' })
  expect(found[0]).toMatchObject({ collection: 'documents', id: 'd', chunk: 2, title: 'Rules', score: 1, scores: { vector: null } })
  expect(found[0]?.highlight).toBe('<mark>Dogs</mark> &lt;b&gt;must&lt;/b&gt; be on a <mark>lead</mark> &amp; quiet')
  expect(found[1]).toMatchObject({ collection: 'faqs', id: 'f', title: 'May I bring my dog?', content: 'Yes, dogs are welcome.' })
  expect(found[1]).not.toHaveProperty('chunk')
  expect(ids(await search(org, { query: 'dogs on a lead', min_score: 0.9 }))).toEqual(['d'])
  expect(await search(org, { query: 'dogs', limit: 1 })).toHaveLength(1)
})

test('of a long text the beginning is shown, and the words that were found', async () => {
  const org = organization()
  const text = `${'much to say '.repeat(1250)}about the pool`
  await addEntry(org, 'e', text, [])
  await addFaq(org, 'f', 'what?', text)
  const found = [...(await search(org, { query: 'pool' })), ...(await search(org, { query: 'pool' }, {}, ['knowledge']))]
  expect(found.map(({ id, content }) => [id, content === text.slice(0, 10_000)])).toEqual([
    ['f', true],
    ['e', true],
  ])
  for (const { highlight } of found) expect(highlight).toContain('<mark>pool</mark>')
})

test('filters narrow a search: metadata, category, tags, agent', async () => {
  const org = organization()
  for (let n = 0; n < 20; n++) await addDocument(org, { id: `d${n}`, chunks: [`word number ${n}`], metadata: { even: n % 2 === 0, n } })
  await addFaq(org, 'a', 'a word', 'yes', 'legal')
  await addFaq(org, 'b', 'a word', 'no')
  const by = (where: object) => search(org, { query: 'word', limit: 100 }, { where: WhereShape.parse(where) })
  expect(await by({ even: true })).toHaveLength(10)
  expect(ids(await by({ n: { $gte: 18 } })).sort()).toEqual(['d18', 'd19'])
  expect(ids(await by({ category: 'legal' }))).toEqual(['a'])
  expect(await by({ n: -1 })).toEqual([])
  await addEntry(org, 'one', 'a word', ['x', 'y'], 'agent-1')
  await addEntry(org, 'two', 'a word', ['x'])
  expect(ids(await search(org, { query: 'word' }, { tags: ['x', 'y'] }, ['knowledge']))).toEqual(['one'])
  expect(ids(await search(org, { query: 'word' }, { agent_id: 'agent-1' }, ['knowledge']))).toEqual(['one'])
  expect((await search(org, { query: 'word' }, {}, ['knowledge']))[0]).not.toHaveProperty('collection')
})

test('nothing of another organization is found, counted or weighed', async () => {
  const [ours, theirs] = [organization(), organization()]
  await addDocument(ours, { id: 'ours', chunks: ['the secret word'] })
  const alone = await search(ours, { query: 'secret word' })
  for (let n = 0; n < 30; n++) await addDocument(theirs, { id: `t${n}`, chunks: ['secret word'] })
  expect(await search(ours, { query: 'secret word' })).toEqual(alone)
  expect(ids(alone)).toEqual(['ours'])
})

test('a changed text is found by its new words alone, a removed one not at all', async () => {
  const org = organization()
  await addDocument(org, { id: 'd', chunks: ['before'] })
  await database.sql(`update rag_chunks set content = 'after' where organization_id = $1`, [org])
  await database.sql(`update rag_documents set content = 'after' where organization_id = $1`, [org])
  expect(ids(await search(org, { query: 'after' }))).toEqual(['d'])
  expect(await search(org, { query: 'before' })).toEqual([])
  await database.sql(`update rag_documents set deleted_at = now() where organization_id = $1`, [org])
  expect(await search(org, { query: 'after' })).toEqual([])
})

test('a weight says nothing where one arm is alone', async () => {
  const org = organization()
  await addDocument(org, { id: 'd', chunks: ['pool hours'] })
  const without = { text: 0, vector: 1 }
  const alone = await search(org, { query: 'pool', mode: 'text' })
  expect(alone.map(({ id, score }) => [id, score])).toEqual([['d', 1]])
  expect(await search(org, { query: 'pool', mode: 'text', weights: without })).toEqual(alone)
  expect(await search(org, { query: 'pool', weights: without })).toEqual(alone) // nobody makes the question's vector
})

withVectors('a weight says nothing where vectors are alone', async () => {
  const org = organization()
  await addDocument(org, { id: 'd', chunks: ['pool hours'] })
  await addVector(org, 'd', 1, [3, 4])
  const weights = { text: 1, vector: 0 }
  for (const mode of ['vector', 'hybrid'])
    expect(await search(org, { embedding: [1, 0], mode, weights })).toEqual(await search(org, { embedding: [1, 0], mode }))
  expect((await search(org, { embedding: [1, 0], mode: 'vector', weights })).map(({ score }) => score)).toEqual([0.6])
})

test('the more diversity, the later what repeats', async () => {
  const org = organization()
  await addDocument(org, { id: 'a', chunks: ['pool pool hours: eight to ten every day'] })
  await addDocument(org, { id: 'b', chunks: ['pool hours: eight to ten every day, too'] })
  await addDocument(org, { id: 'c', chunks: ['a heated pool with sea water and slides for children'] })
  expect(ids(await search(org, { query: 'pool hours', limit: 2 }))).toEqual(['a', 'b'])
  expect(ids(await search(org, { query: 'pool hours', limit: 2, diversity: 0.7 }))).toEqual(['a', 'c'])
})

withVectors('the nearest vectors of the same model are found, as many as there are', async () => {
  const org = organization()
  for (let n = 0; n < 12; n++) {
    await addDocument(org, { id: `d${n}`, chunks: [`text ${n}`], metadata: { odd: n % 2 === 1 } })
    await addVector(org, `d${n}`, 1, [Math.cos(n / 10), Math.sin(n / 10)])
    await addVector(org, `d${n}`, 1, [Math.sin(n), Math.cos(n)], 'other')
  }
  const nearest = await search(org, { embedding: [2, 0], mode: 'vector', limit: 3 })
  expect(ids(nearest)).toEqual(['d0', 'd1', 'd2'])
  expect(nearest[1]?.scores).toEqual({ text: null, vector: Number(Math.cos(0.1).toFixed(6)) })
  expect(await search(org, { embedding: [1], mode: 'vector', limit: 100 })).toHaveLength(12)
  expect(ids(await search(org, { embedding: [1], mode: 'vector' }, { where: WhereShape.parse({ odd: true }) }))).toEqual([
    'd1',
    'd3',
    'd5',
    'd7',
    'd9',
    'd11',
  ])
})

withVectors('a hybrid search ranks by both, and who has no vector yet is neither lost nor first for it', async () => {
  const org = organization()
  await addDocument(org, { id: 'both', chunks: ['pool hours'] })
  await addDocument(org, { id: 'words', chunks: ['pool hours'] })
  await addDocument(org, { id: 'meaning', chunks: ['when to swim'] })
  await addDocument(org, { id: 'pending', chunks: ['pool hours'] })
  await addVector(org, 'both', 1, [1, 0])
  await addVector(org, 'words', 1, [0, 1])
  await addVector(org, 'meaning', 1, [1, 0])
  const found = await search(org, { query: 'pool hours', embedding: [1, 0] })
  expect(ids(found)).toEqual(['both', 'pending', 'meaning', 'words'])
  expect(found.map(({ scores }) => scores.vector)).toEqual([1, null, 1, 0])
  expect(ids(await search(org, { query: 'pool hours', embedding: [1, 0], weights: { text: 0, vector: 1 } })).slice(0, 2)).toEqual([
    'both',
    'meaning',
  ])
})

test.runIf(engine === 'embedded')('few vectors are looked at one by one, many along the index, by EXPLAIN', async () => {
  const org = organization()
  const planOf = async (text: string) => {
    const rows = await database.sql<{ 'QUERY PLAN': string }>(`explain ${text}`)
    return rows.map(row => row['QUERY PLAN']).join('\n')
  }
  const vector = `'${literalOf(unit([1]) as Float32Array)}'::real[]`
  const exact = await planOf(`select * from nearest_exact('documents', 1, ${vector}::vector, 10, null)`)
  expect(exact).not.toContain('item_vectors_nearest')
  await database.sql('set enable_sort = off')
  const along = await planOf(
    `select item_id from item_vectors where organization_id = '${org}' and collection = 'documents' and generation = 1
     order by embedding::halfvec(1536) <=> ${vector}::vector(1536)::halfvec(1536) limit 10`,
  )
  await database.sql('reset enable_sort')
  expect(along).toContain('item_vectors_nearest')
})

test('without pgvector words are searched all the same, and a search by vectors alone is refused', async () => {
  const [row] = await database.sql<{ yes: boolean }>('select searches_vectors() as yes')
  const org = organization()
  await addDocument(org, { id: 'd', chunks: ['pool hours'] })
  expect(ids(await search(org, { query: 'pool', embedding: [1, 0] }))).toEqual(['d'])
  const alone = search(org, { embedding: [1, 0], mode: 'vector' })
  if (row?.yes) expect(await alone).toEqual([])
  else await expect(alone).rejects.toMatchObject({ code: 'unavailable' })
})
