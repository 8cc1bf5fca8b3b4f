import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Embedder } from '../../shared/embeddings/embeddings.ts'
import { hashOf } from '../../shared/embeddings/key.ts'
import { openAiEmbedder } from '../../shared/embeddings/openai.ts'
import { vertexEmbedder } from '../../shared/embeddings/vertex.ts'
import { Refusal } from '../../shared/errors.ts'
import { type Fate, type ProviderStandIn, startProvider, wordVector } from '../support/provider.ts'

let standIn: ProviderStandIn
beforeAll(async () => {
  standIn = await startProvider()
})
afterAll(() => standIn.close())

/** Pauses that were made, in milliseconds: no test waits for one. */
let pauses: number[]
const patience = {
  timeout: 5000,
  attempts: 3,
  pause: 100,
  sleep: async (milliseconds: number) => void pauses.push(milliseconds),
  random: () => 0.5,
}

beforeEach(() => {
  pauses = []
  standIn.asked = []
  standIn.fate = () => 'answer'
  standIn.dimensions = 1536
})

const openAi = (more: object = {}): Embedder =>
  openAiEmbedder({ url: standIn.url, model: 'some-model', dimensions: undefined, apiKey: async () => 'the key', patience, ...more })
const vertex = (more: object = {}): Embedder =>
  vertexEmbedder({
    url: standIn.url,
    project: async () => 'a-project',
    model: 'gemini-embedding-001',
    dimensions: 1536,
    token: async () => 'the token',
    patience,
    ...more,
  })

const kinds: [string, (more?: object) => Embedder][] = [
  ['openai', openAi],
  ['vertex', vertex],
]

const length = (vector: Float32Array) => Math.sqrt(vector.reduce((sum, n) => sum + n * n, 0))
const fates = (...given: Fate[]) => {
  standIn.fate = () => given.shift() ?? 'answer'
}
const failure = (work: Promise<unknown>): Promise<Refusal> =>
  work.then(
    () => expect.unreachable('it did not fail'),
    error => error as Refusal,
  )

describe.each(kinds)('%s', (_, make) => {
  test('answers a vector for each text, in order, of unit length and 1536 numbers', async () => {
    const texts = Array.from({ length: 70 }, (_, i) => `text number ${i}`)
    const vectors = await make().embed(texts, 'document')
    expect(vectors).toHaveLength(70)
    for (const [i, vector] of vectors.entries()) {
      expect([vector.length, length(vector)]).toEqual([1536, expect.closeTo(1, 5)])
      const given = wordVector(texts[i] as string, 1536)
      const scale = Math.hypot(...given)
      expect(vector.every((n, place) => Math.abs(n - (given[place] as number) / scale) < 1e-6)).toBe(true)
    }
    expect(standIn.asked.flatMap(({ texts }) => texts).sort()).toEqual([...texts].sort())
  })

  test.each<[string, Fate]>([
    ['a limit', { status: 429 }],
    ['a fault of theirs', { status: 503 }],
    ['a lost connection', 'hang up'],
    ['half an answer', 'break off'],
    ['a whole answer that is cut off', { body: whole => JSON.stringify(whole).slice(0, -3) }],
  ])('%s is tried again, after a pause that grows, with jitter', async (_, fate) => {
    fates(fate, fate)
    expect(await make().embed(['a'], 'document')).toHaveLength(1)
    expect(pauses).toEqual([75, 150])
    expect(standIn.asked).toHaveLength(3)
  })

  test('what goes on failing is given up, as unavailable', async () => {
    standIn.fate = () => ({ status: 500 })
    const error = await failure(make().embed(['a'], 'document'))
    expect([error.code, standIn.asked.length]).toEqual(['unavailable', 3])
  })

  test('a provider that does not answer is given up in time', async () => {
    standIn.fate = () => 'hang'
    const error = await failure(make({ patience: { ...patience, timeout: 30 } }).embed(['a'], 'document'))
    expect([error.code, standIn.asked.length]).toEqual(['unavailable', 3])
  })

  test('Retry-After is heard, in seconds or as a date; one that asks for too much is not waited for', async () => {
    fates({ status: 429, headers: { 'retry-after': '2' } }, { status: 503, headers: { 'retry-after': new Date(0).toUTCString() } })
    await make().embed(['a'], 'document')
    expect(pauses).toEqual([2000, 0])
    fates({ status: 429, headers: { 'retry-after': '3600' } })
    const error = await failure(make().embed(['a'], 'document'))
    expect([error.code, pauses.length]).toEqual(['unavailable', 2])
  })

  test('a text that is refused is the fault of the text, and is not asked again', async () => {
    standIn.fate = () => ({ status: 400 })
    const error = await failure(make().embed(['a'], 'document'))
    expect([error.code, standIn.asked.length]).toEqual(['invalid_request', 1])
  })

  test.each([401, 403, 404])('a provider that refuses us (%i) is unavailable, and is not asked again', async status => {
    standIn.fate = () => ({ status })
    const error = await failure(make().embed(['a'], 'document'))
    expect([error.code, standIn.asked.length]).toEqual(['unavailable', 1])
  })

  test.each<[string, (whole: object) => unknown]>([
    ['something else', () => ({ hello: 'world' })],
    ['no vectors', () => ({ data: [], predictions: [] })],
    ['a vector without direction', () => answerOf(new Array(1536).fill(0))],
    ['a number that is none', () => answerOf([...new Array(1535).fill(1), null])],
  ])('%s in place of vectors is no vector', async (_, body) => {
    standIn.fate = () => ({ body })
    expect((await failure(make().embed(['a'], 'document'))).code).toBe('unavailable')
  })

  test('vectors of another length than was configured are none', async () => {
    standIn.dimensions = 1535
    const error = await failure(make({ dimensions: 1536 }).embed(['a'], 'document'))
    expect([error.code, error.message]).toEqual(['unavailable', expect.stringContaining('1535 numbers')])
  })

  test('after a failure no further batch is asked for', async () => {
    standIn.fate = () => ({ status: 403 })
    await failure(
      make().embed(
        Array.from({ length: 1000 }, (_, i) => `${i}`),
        'document',
      ),
    )
    expect(standIn.asked.length).toBeLessThanOrEqual(8)
  })

  test('of a long text 8,000 characters are sent, and never half a character', async () => {
    await make().embed([`a${'😀'.repeat(6000)}`], 'document')
    const [text = ''] = standIn.asked[0]?.texts ?? []
    expect([text.length, text.isWellFormed()]).toEqual([8000, true])
  })
})

const answerOf = (values: unknown[]) => ({ data: [{ embedding: values }], predictions: [{ embeddings: { values } }] })

test.each(['', '/', '/v1', '/v1/', '/v1/embeddings'])('openai: the endpoint may be given as <host>%s', async path => {
  await openAi({ url: standIn.url + path }).embed(['a'], 'document')
  expect(standIn.asked[0]).toMatchObject({ path: '/v1/embeddings', authorization: 'Bearer the key', body: { model: 'some-model' } })
})

test('openai: a server without keys is asked without one, and a key that could not be had is asked for again', async () => {
  await openAi({ apiKey: undefined }).embed(['a'], 'document')
  expect(standIn.asked[0]?.authorization).toBeUndefined()
  let asked = 0
  const apiKey = async () => {
    if (++asked === 1) throw new Error('Secret Manager is away')
    return 'the key'
  }
  const embedder = openAi({ apiKey })
  await embedder.embed(['a'], 'document')
  await embedder.embed(['b'], 'document')
  expect([asked, standIn.asked.at(-1)?.authorization]).toEqual([2, 'Bearer the key'])
})

test('openai: vectors that come in another order are put in theirs', async () => {
  standIn.fate = () => ({ body: whole => ({ data: (whole as { data: unknown[] }).data.toReversed() }) })
  const [a, b] = await openAi().embed(['one', 'two'], 'document')
  standIn.fate = () => 'answer'
  expect([a, b]).toEqual(await openAi().embed(['one', 'two'], 'document'))
})

test('openai: shorter vectors are padded, and the length of the first holds', async () => {
  standIn.dimensions = 256
  const embedder = openAi()
  const [vector] = await embedder.embed(['one'], 'document')
  expect([vector?.length, vector?.subarray(256).every(n => n === 0)]).toEqual([1536, true])
  standIn.dimensions = 512
  expect((await failure(embedder.embed(['one'], 'document'))).code).toBe('unavailable')
})

test('openai: 32 texts are one call; the models of OpenAI are told the length', async () => {
  await openAi({ model: 'text-embedding-3-large' }).embed(
    Array.from({ length: 33 }, (_, i) => `${i}`),
    'document',
  )
  expect(standIn.asked.map(({ texts }) => texts.length)).toEqual([32, 1])
  expect(standIn.asked[0]?.body.dimensions).toBe(1536)
  await openAi().embed(['a'], 'document')
  expect(standIn.asked.at(-1)?.body).not.toHaveProperty('dimensions')
})

test('vertex: gemini is asked for one text a call, in its project and with its task', async () => {
  await vertex().embed(['one', 'two'], 'document')
  await vertex().embed(['three'], 'query')
  expect(standIn.asked.map(({ texts }) => texts.length)).toEqual([1, 1, 1])
  expect(standIn.asked.at(-1)).toMatchObject({
    path: '/v1/projects/a-project/locations/us-central1/publishers/google/models/gemini-embedding-001:predict',
    authorization: 'Bearer the token',
    body: {
      instances: [{ content: 'three', task_type: 'RETRIEVAL_QUERY' }],
      parameters: { outputDimensionality: 1536, autoTruncate: true },
    },
  })
  expect(standIn.asked[0]?.body.instances).toEqual([{ content: expect.any(String), task_type: 'RETRIEVAL_DOCUMENT' }])
})

test('vertex: a token that cannot be had makes it unavailable', async () => {
  const token = async () => Promise.reject(new Error('no identity here'))
  const error = await failure(vertex({ token }).embed(['a'], 'document'))
  expect([error instanceof Refusal, error.code, standIn.asked.length]).toEqual([true, 'unavailable', 0])
})

test('a hash is the SHA-256 of the text as UTF-8', () => {
  expect(hashOf('Zürich 😀')).toBe('89b5866d12e4cecd81bb36ccd521300d8cbeb364b57d3842e119f13f454b72af')
})
