import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { vector } from '../../shared/cache/codecs.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { type CachedOptions, cachedEmbeddings } from '../../shared/embeddings/cached.ts'
import type { Embedder, Embeddings } from '../../shared/embeddings/embeddings.ts'
import { postgresVectors } from '../../shared/embeddings/kept.postgres.ts'
import { openAiEmbedder } from '../../shared/embeddings/openai.ts'
import { Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import { redisTest, useRedis } from '../cache/support.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider } from '../support/provider.ts'

const stand = useRedis()
let app: Running
let provider: ProviderStandIn
let made = 0
beforeAll(async () => {
  provider = await startProvider()
  app = await run()
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})
beforeEach(() => {
  provider.asked = []
  provider.fate = () => 'answer'
  provider.dimensions = 1536
})

const patience = { timeout: 5000, attempts: 2, pause: 1, sleep: async () => {}, random: () => 0 }
const openAi = (): Embedder =>
  openAiEmbedder({ url: provider.url, model: 'some-model', dimensions: undefined, apiKey: undefined, patience })
/** What a process makes: its cache is its own, what is kept is everybody's. */
const process = (embedder = openAi(), more: Partial<CachedOptions> = {}): Embeddings =>
  cachedEmbeddings(embedder, postgresVectors(app.shared.db), {
    cache: app.shared.cache({ name: `vectors-${++made}`, codec: vector, seconds: 60, bytes: 1e8 }),
    log: app.shared.log,
    ...more,
  })
const own = (): Scope => ({
  organization_id: newId('org'),
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
const queries = async (): Promise<number> => {
  const { text } = await app.admin('GET', '/metrics')
  return [...text.matchAll(/^db_query_duration_seconds_count\{(?!.*"reports\.ages").*\} (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}

test('a thousand texts are one query; what is known is not asked for, and equal texts are asked for once', async () => {
  provider.dimensions = 16
  const [scope, texts] = [own(), Array.from({ length: 1000 }, (_, i) => `text ${i}`)]
  const first = await process().embedSome(scope, [...texts.slice(0, 999), 'text 0'])
  expect(provider.asked.flatMap(asked => asked.texts)).toHaveLength(999)
  expect(first[999]).toEqual(first[0])
  provider.asked = []
  const before = await queries()
  const second = await process().embedSome(scope, texts.slice(0, 999))
  expect([(await queries()) - before, provider.asked.length]).toEqual([1, 0])
  expect(second.every((vector, i) => vector?.every((n, place) => n === first[i]?.[place]))).toBe(true)
  await process().embedSome(scope, texts)
  expect(provider.asked.map(asked => asked.texts)).toEqual([['text 999']])
})

test('a process that has just made a vector asks nobody for it', async () => {
  const [scope, embeddings] = [own(), process()]
  await embeddings.embedSome(scope, ['a', 'b'])
  const before = await queries()
  expect(await embeddings.embedSome(scope, ['b', 'a'])).toHaveLength(2)
  expect((await queries()) - before).toBe(0)
})

test('a vector is kept with the numbers of its model, and comes back with the last bit', async () => {
  provider.dimensions = 100
  const [scope, embedder] = [own(), { ...openAi(), dimensions: 100 }]
  const [made] = await process(embedder).embedSome(scope, ['a text of some words'])
  const [row] = await app.database.sql<object>(
    'select provider, model, dimensions, normaliser, cardinality(embedding) as numbers from embeddings_cache where organization_id = $1',
    [scope.organization_id],
  )
  expect(row).toEqual({ provider: 'openai', model: 'some-model', dimensions: 100, normaliser: 1, numbers: 100 })
  expect(await process(embedder).embedSome(scope, ['a text of some words'])).toEqual([made])
})

test('a vector that a document has again is noted as used', async () => {
  const scope = own()
  await process().embedSome(scope, ['a', 'b'])
  const age = `update embeddings_cache set used_at = now() - interval '80 days' where organization_id = $1`
  await app.database.sql(age, [scope.organization_id])
  await process().embedSome(scope, ['a', 'c'])
  const used = `select count(*)::int as n from embeddings_cache where organization_id = $1 and used_at > now() - interval '1 minute'`
  expect(await app.database.sql(used, [scope.organization_id])).toEqual([{ n: 2 }])
})

test('models and organizations do not share vectors', async () => {
  const scope = own()
  await process().embedSome(scope, ['a'])
  await process().embedSome(own(), ['a'])
  await process({ ...openAi(), model: 'other' }).embedSome(scope, ['a'])
  await process({ ...openAi(), dimensions: 512 }).embedSome(scope, ['a'])
  expect(provider.asked).toHaveLength(4)
})

test('where the provider fails, what is known is answered and the rest is not', async () => {
  const [scope, embeddings] = [own(), process()]
  await embeddings.embedSome(scope, ['known'])
  provider.fate = () => ({ status: 500 })
  const [known, unknown] = await embeddings.embedSome(scope, ['known', 'unknown'])
  expect([known?.length, unknown]).toEqual([1536, undefined])
  await expect(embeddings.embedEach(scope, ['known', 'unknown'])).rejects.toMatchObject({ code: 'unavailable' })
})

test('a provider that takes too long is not waited for', async () => {
  provider.fate = () => 'hang'
  const start = performance.now()
  expect(await process(openAi(), { waits: { documents: 50, step: 50, question: 50 } }).embedSome(own(), ['a'])).toEqual([undefined])
  expect(performance.now() - start).toBeLessThan(4000)
})

test('one text that is refused keeps no other from its vector; a provider that refuses all is failing', async () => {
  const texts = Array.from({ length: 40 }, (_, i) => (i === 7 ? 'poison' : `sound ${i}`))
  provider.fate = asked => (asked.texts.includes('poison') ? { status: 400 } : 'answer')
  const vectors = await process().embedEach(own(), texts)
  expect(vectors.flatMap((vector, i) => (vector ? [] : [i]))).toEqual([7])
  provider.fate = () => ({ status: 400 })
  await expect(process().embedEach(own(), texts)).rejects.toMatchObject({ code: 'unavailable' })
})

test('a blank text has no vector, and nobody is asked for it', async () => {
  expect(await process().embedSome(own(), ['', ' \n'])).toEqual([undefined, undefined])
  expect(provider.asked).toEqual([])
})

test('a question that comes again is not asked for again, and is kept in no table', async () => {
  const [scope, embeddings] = [own(), process()]
  const [first] = await embeddings.embed(scope, ['what?'], 'query')
  const [second] = await embeddings.embed(scope, ['what?'], 'query')
  expect([second, provider.asked.length]).toEqual([first, 1])
  expect(await app.database.sql('select id from embeddings_cache where organization_id = $1', [scope.organization_id])).toEqual([])
})

test('a question is not waited for long, and a provider that goes on failing is left alone for a while', async () => {
  let now = 0
  const [scope, embeddings] = [own(), process(openAi(), { waits: { documents: 50, step: 50, question: 50 }, now: () => now })]
  const fails = () => expect(embeddings.embed(scope, ['what?'], 'query')).rejects.toMatchObject({ code: 'unavailable' })
  provider.fate = () => 'hang'
  for (let n = 0; n < 3; n++) await fails()
  provider.fate = () => 'answer'
  provider.asked = []
  await fails()
  expect(provider.asked).toEqual([])
  now = 10_000
  expect(await embeddings.embed(scope, ['what?'], 'query')).toHaveLength(1)
})

test('documents are written without asking a provider that goes on failing; what is kept of them is found, and the job asks all the same', async () => {
  const [scope, embeddings] = [own(), process(openAi(), { waits: { documents: 5000, step: 50, question: 50 }, now: () => 0 })]
  await embeddings.embedSome(scope, ['kept'])
  provider.fate = () => 'hang'
  for (let n = 0; n < 3; n++) expect(await embeddings.embedSome(scope, [`new ${n}`])).toEqual([undefined])
  provider.fate = () => 'answer'
  provider.asked = []
  const [kept, unknown] = await embeddings.embedSome(scope, ['kept', 'new'])
  expect([kept?.length, unknown, provider.asked]).toEqual([1536, undefined, []])
  expect(await embeddings.embedEach(scope, ['new'])).toHaveLength(1)
  expect(provider.asked).toHaveLength(1)
})

redisTest('in front of Redis a thousand texts are one query and one request, and nobody is asked', async () => {
  provider.dimensions = 16
  const [scope, texts] = [own(), Array.from({ length: 1000 }, (_, i) => `hot ${i}`)]
  const hot = { name: 'vectors', codec: vector, seconds: 60, bytes: 1e8 }
  const first = await process(openAi(), { cache: await stand.cache(hot) }).embedSome(scope, texts.slice(0, 500))
  await process().embedSome(scope, texts.slice(500))
  const other = process(openAi(), { cache: await stand.cache(hot) })
  stand.bridge.take()
  provider.asked = []
  const before = await queries()
  const found = await other.embedSome(scope, texts)
  expect([(await queries()) - before, stand.bridge.take(), provider.asked.length]).toEqual([1, 1, 0])
  expect([found.slice(0, 500), found.filter(one => one === undefined)]).toEqual([first, []])
})

test('a question that stands in a document has its vector, unless the model tells the two apart', async () => {
  const [scope, text] = [own(), 'Where is it?']
  const asked = () => provider.asked.filter(({ texts }) => texts.includes(text)) // a call that an earlier test gave up may still arrive
  await process().embedSome(scope, [text])
  await process().embed(scope, [text], 'query')
  expect(asked()).toHaveLength(1)
  await process({ ...openAi(), tellsKinds: true }).embed(scope, [text], 'query')
  expect(asked()).toHaveLength(2)
})

test('whoever Postgres does not let through has nobody asked', async () => {
  const scope: Scope = { ...own(), caller: { kind: 'token', hash: Buffer.alloc(32), role: 'viewer' } }
  await expect(process().embed(scope, ['what?'], 'query')).rejects.toSatisfy(
    error => error instanceof Refusal && error.code === 'unauthenticated',
  )
  await expect(process().embedEach(scope, ['what?'])).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(provider.asked).toEqual([])
})
