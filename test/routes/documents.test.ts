import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Call, type Running, run, runOver } from '../support/http.ts'
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
beforeEach(() => {
  provider.asked = []
  provider.fate = () => 'answer'
})

const texts = () => provider.asked.flatMap(asked => asked.texts)
const paragraph = (i: number) => `Part ${i} begins. ${`Sentence of part ${i}, which tells of wing ${i * 7919}. `.repeat(20)}`.trim()
const long = (parts = 12) => Array.from({ length: parts }, (_, i) => paragraph(i)).join('\n\n')

/** Every row of documents in an organization, by where it lies and who wrote it: a row that is written again is another. */
const rows = async (organization: string) =>
  (
    await app.database.sql<{ row: string }>(
      `select 'document ' || id || ' ' || xmin || ' ' || ctid as row from rag_documents where organization_id = $1
      union all select 'chunk ' || document_id || ' ' || number || ' ' || xmin || ' ' || ctid from rag_chunks where organization_id = $1
      union all select 'vector ' || item_id || ' ' || chunk || ' ' || xmin || ' ' || ctid from item_vectors where organization_id = $1
      union all select 'event ' || id from audit_events where organization_id = $1 and entity_type <> 'embedding'
      order by 1`,
      [organization],
    )
  ).map(({ row }) => row)
type Chunk = { number: number; content: string; overlap: number }
const chunks = (organization: string, id: string) =>
  app.database.sql<Chunk>(
    'select number, content, overlap from rag_chunks where organization_id = $1 and document_id = $2 order by number',
    [organization, id],
  )
const state = async (organization: string, id: string) =>
  (
    await app.database.sql<{ state: string }>(
      `select concat_ws(' ', embedding_state, chunk_count) as state from rag_documents where organization_id = $1 and id = $2`,
      [organization, id],
    )
  )[0]?.state
type Vector = { chunk: number; provider: string; state: string; current: boolean; first: number[] }
const vectors = (organization: string, id: string) =>
  app.database.sql<Vector>(
    `select v.chunk, g.provider, g.state, (v.embedding::real[])[1:2] as first,
      coalesce(v.text_hash = c.content_hash, v.text_hash = d.content_hash) as current
    from item_vectors v join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    join rag_documents d on d.organization_id = v.organization_id and d.id = v.item_id
    left join rag_chunks c on c.organization_id = v.organization_id and c.document_id = v.item_id and c.number = v.chunk
    where v.organization_id = $1 and v.collection = 'documents' and v.item_id = $2 order by v.chunk, g.provider`,
    [organization, id],
  )

test('a document is created, read, replaced, changed and removed', async () => {
  const { call, id: organization_id } = await app.organization()
  const created = await call('POST', '/rag/documents', { title: 'Wings', content: 'A wing lifts.', metadata: { year: 1958 } })
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe(`/rag/documents/${created.body.id}`)
  expect(created.body).toMatchObject({ organization_id, title: 'Wings', metadata: { year: 1958 }, language: null, embedding: null })
  const path = `/rag/documents/${created.body.id}`
  const read = await call('GET', path)
  expect([read.body, read.headers.get('etag')]).toEqual([created.body, `"${created.body.version}"`])

  const put = await call('PUT', path, { title: 'Tails', content: 'A tail steers.' }, { 'if-match': `"${created.body.version}"` })
  expect([put.status, put.body]).toMatchObject([200, { title: 'Tails', metadata: {}, created_at: created.body.created_at }])
  expect((await call('PUT', path, { title: 'Late', content: 'Late.' }, { 'if-match': `"${created.body.version}"` })).status).toBe(412)
  expect((await call('PUT', '/rag/documents/own', { title: 'Own', content: 'Own.' })).status).toBe(201)
  expect((await call('PATCH', path, { title: 'Changed' })).body).toMatchObject({ title: 'Changed', content: 'A tail steers.' })
  expect((await call('POST', '/rag/documents', { id: 'own', title: 'Own', content: 'Own.' })).status).toBe(409)
  expect((await call('GET', '/rag/documents')).body.items.map(({ title }: { title: string }) => title)).toEqual(['Own', 'Changed'])
  expect((await call('DELETE', path)).status).toBe(204)
  for (const method of ['GET', 'DELETE']) expect((await call(method, path)).status).toBe(404)
  expect((await call('PATCH', path, { content: 'Gone.' })).status).toBe(404)
})

test('what is wrong in a document is refused by its place', async () => {
  const { call } = await app.organization()
  const document = { title: 'T', content: 'C' }
  const wrong: [object, string][] = [
    [{ ...document, title: '' }, 'title'],
    [{ ...document, content: '' }, 'content'],
    [{ ...document, embedding: [0, 0] }, 'embedding'],
    [{ ...document, embedding: [1e39] }, 'embedding'],
    [{ ...document, embedding: Array(1537).fill(1) }, 'embedding'],
    [{ ...document, chunks: [] }, 'chunks'],
    [{ ...document, chunks: [{ content: ' \n' }] }, 'chunks/0/content'],
    [{ ...document, metadata: [] }, 'metadata'],
    [{ ...document, language: 'English' }, 'language'],
    [{ ...document, id: 'delete' }, 'id'],
  ]
  for (const [body, path] of wrong) {
    const answer = await call('POST', '/rag/documents', body)
    expect([path, answer.status, answer.text.includes(`"${path}"`)]).toEqual([path, 400, true])
  }
  const twice = await call('POST', '/rag/documents', {
    documents: [
      { ...document, id: 'a' },
      { ...document, id: 'a' },
    ],
  })
  expect([twice.status, twice.text.includes('"documents/1/id"')]).toEqual([400, true])
  const word = await call('POST', '/rag/documents', { documents: [document, { ...document, id: 'delete' }] })
  expect(word).toMatchObject({ status: 400, body: { errors: [{ path: 'documents/1/id' }] } })
  expect(await call('PUT', '/rag/documents/delete', document)).toMatchObject({ status: 400, body: { errors: [{ path: 'id' }] } })
  expect(provider.asked).toEqual([])
})

test('a document is cut up and embedded; unchanged, it is neither written nor embedded again', async () => {
  const { call, id } = await app.organization()
  const body = { title: 'Long', content: long(), metadata: { a: 1 }, embedding: [0.25, 0.5] }
  expect((await call('PUT', '/rag/documents/d', body)).status).toBe(201)
  const pieces = await chunks(id, 'd')
  expect(pieces.length).toBeGreaterThan(5)
  expect(pieces.map(({ content, overlap }) => content.slice(overlap)).join('')).toBe(body.content)
  expect(texts()).toEqual(pieces.map(({ content }) => content))
  expect(await state(id, 'd')).toBe(`done ${pieces.length}`)
  expect((await vectors(id, 'd')).map(({ chunk, provider, state, current }) => [chunk, provider, state, current])).toEqual([
    [0, 'caller', 'serving', true],
    ...pieces.map(({ number }) => [number, 'openai', 'serving', true]),
  ])

  const [before, calls] = [await rows(id), provider.asked.length]
  const again = await call('PUT', '/rag/documents/d', body)
  expect([again.status, again.body.embedding]).toEqual([200, [0.25, 0.5]])
  await call('PATCH', '/rag/documents/d', { content: body.content, title: 'Long' })
  const many = await call('POST', '/rag/documents', { documents: [{ id: 'd', ...body }], on_conflict: 'replace' })
  expect([many.status, many.body.items[0].version]).toEqual([201, again.body.version])
  expect(await rows(id)).toEqual(before)
  expect(provider.asked.length).toBe(calls)
})

test('what is there unchanged asks for no vector, and writes nothing, also where nobody keeps its vectors any more', async () => {
  const { call, key, id } = await app.organization()
  const [a, b] = [
    { id: 'a', title: 'A', content: long(3) },
    { id: 'b', title: 'B', content: 'One. Two.', chunks: [{ content: 'One.', embedding: [1] }, { content: 'Two.' }] },
  ]
  await call('POST', '/rag/documents', { documents: [a, b] })
  await app.database.sql('delete from embeddings_cache where organization_id = $1', [id])
  const kept = async () =>
    (await app.database.sql<{ id: string }>('select id from embeddings_cache where organization_id = $1', [id])).length
  // another process, whose cache is empty
  const other = await runOver({ ...app.database, drop: async () => {} })
  try {
    const again = other.as(key)
    const before = await rows(id)
    provider.asked = []
    expect((await again('POST', '/rag/documents', { documents: [a, b], on_conflict: 'replace' })).status).toBe(201)
    for (const { id, ...body } of [a, b]) {
      expect((await again('PUT', `/rag/documents/${id}`, body)).status).toBe(200)
      expect((await again('PATCH', `/rag/documents/${id}`, body)).status).toBe(200)
    }
    expect([provider.asked, await rows(id), await kept()]).toEqual([[], before, 0])
    // of several only what is another, or new, is asked for
    const changed = [a, { ...b, content: 'Two. One.', chunks: [{ content: 'Two.' }] }, { id: 'c', title: 'C', content: 'Three.' }]
    await again('POST', '/rag/documents', { documents: changed, on_conflict: 'replace' })
    expect(texts()).toEqual(['Two.', 'Three.'])
    expect(await Promise.all(['a', 'b', 'c'].map(name => state(id, name)))).toEqual([expect.stringMatching(/^done/), 'done 1', 'done 1'])
    expect((await vectors(id, 'b')).map(({ chunk, provider, current }) => [chunk, provider, current])).toEqual([[1, 'openai', true]])
  } finally {
    await other.stop()
  }
})

test('where one chunk is edited only that is written, and one text is embedded', async () => {
  const { call, id } = await app.organization()
  const content = long()
  await call('PUT', '/rag/documents/d', { title: 'Long', content })
  const before = new Set(await rows(id))
  const old = await chunks(id, 'd')
  provider.asked = []
  await call('PUT', '/rag/documents/d', { title: 'Long', content: `${content.slice(0, -20)}${content.slice(-20).replace('wing', 'tail')}` })
  const now = await chunks(id, 'd')
  expect(now.filter(({ content }, i) => content !== old[i]?.content).map(({ number }) => number)).toEqual([old.length])
  expect([provider.asked.length, texts()]).toEqual([1, [now.at(-1)?.content]])
  const written = (await rows(id)).filter(row => !before.has(row)).map(row => row.split(' ').slice(0, 3).join(' '))
  const event = written.find(row => row.startsWith('event'))
  expect(written.filter(row => row !== event)).toEqual([
    `chunk d ${old.length}`,
    expect.stringMatching(/^document d /),
    `vector d ${old.length}`,
  ])
  expect((await vectors(id, 'd')).every(({ current }) => current)).toBe(true)
})

test("chunks that a caller brings are kept as they are, their vectors beside the model's and an embedding of the whole", async () => {
  const { call, id } = await app.organization()
  const chunked = {
    title: 'T',
    content: 'One. Two.',
    chunks: [{ content: 'One.', embedding: [3, 4] }, { content: 'Two.' }],
    embedding: [0, 2],
  }
  await call('PUT', '/rag/documents/d', chunked)
  expect(await chunks(id, 'd')).toEqual([
    { number: 1, content: 'One.', overlap: 0 },
    { number: 2, content: 'Two.', overlap: 0 },
  ])
  const told = async () => (await vectors(id, 'd')).map(({ chunk, provider, first }) => (provider === 'caller' ? [chunk, ...first] : chunk))
  expect(await told()).toEqual([[0, 0, 1], [1, 0.6, 0.8], 1, 2])
  const before = await rows(id)
  await call('PUT', '/rag/documents/d', chunked)
  expect(await rows(id)).toEqual(before)
  await call('PUT', '/rag/documents/d', { ...chunked, chunks: [{ content: 'One.' }, { content: 'Two.', embedding: [4, 3] }] })
  expect(await told()).toEqual([[0, 0, 1], 1, [2, 0.8, 0.6], 2])
  await call('PATCH', '/rag/documents/d', { chunks: [{ content: 'One. Two.' }] })
  expect(await told()).toEqual([[0, 0, 1], 1])
  await call('PATCH', '/rag/documents/d', { embedding: [5, 0] })
  expect(await told()).toEqual([[0, 1, 0], 1])
  await call('PATCH', '/rag/documents/d', { content: 'Three.' })
  expect([await told(), (await chunks(id, 'd')).length]).toEqual([[1], 1])
  await call('PATCH', '/rag/documents/d', { embedding: [5, 0] })
  await call('PUT', '/rag/documents/d', { title: 'T', content: long(), embedding: [5, 0] })
  expect((await told()).filter(one => typeof one !== 'number')).toEqual([[0, 1, 0]])
  await call('DELETE', '/rag/documents/d')
  expect([await chunks(id, 'd'), await vectors(id, 'd')]).toEqual([[], []])
})

test('a document whose embedding fails is there, and the job completes it', async () => {
  const { call, id } = await app.organization()
  provider.fate = () => ({ status: 400 })
  const created = await call('POST', '/rag/documents', { id: 'd', title: 'T', content: 'Alas.' })
  expect([created.status, await state(id, 'd'), await vectors(id, 'd')]).toEqual([201, 'failed 1', []])
  provider.fate = () => 'answer'
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 1 })
  expect([await state(id, 'd'), (await vectors(id, 'd')).length]).toEqual(['done 1', 1])
  expect((await call('GET', '/rag/documents/d')).body).toEqual(created.body)
})

test('a request that is repeated under its key makes one document, and answers again', async () => {
  const { call } = await app.organization()
  const send = () => call('POST', '/rag/documents', { title: 'T', content: 'Once.' }, { 'idempotency-key': 'once' })
  const [first, second] = [await send(), await send()]
  expect([second.status, second.headers.get('idempotent-replayed'), second.body]).toEqual([201, 'true', first.body])
  expect((await call('GET', '/rag/documents')).body.items).toHaveLength(1)
  expect(provider.asked).toHaveLength(1)
})

test('a piece that is blank needs no vector', async () => {
  const { call, id } = await app.organization()
  await call('PUT', '/rag/documents/d', { title: 'T', content: `${long(2)}${'\n'.repeat(9000)}The end.` })
  const blank = (await chunks(id, 'd')).filter(({ content }) => content.trim() === '')
  expect(blank.length).toBeGreaterThan(0)
  expect(await state(id, 'd')).toMatch(/^done/)
})

test('200 documents are created at once, and asked for in few calls; where one is taken none is', async () => {
  const { call, id } = await app.organization()
  const documents = Array.from({ length: 200 }, (_, i) => ({ id: `d${i}`, title: `${i}`, content: `Content of ${i}.`, metadata: { i } }))
  const created = await call('POST', '/rag/documents', { documents })
  expect([created.status, created.body.items.map((one: { id: string }) => one.id)]).toEqual([201, documents.map(one => one.id)])
  expect(texts()).toHaveLength(200)
  expect((await rows(id)).filter(row => row.startsWith('vector'))).toHaveLength(200)
  const again = await call('POST', '/rag/documents', { documents: [{ id: 'new', title: 'N', content: 'N.' }, documents[7]] })
  expect([again.status, again.body.errors[0].path]).toEqual([409, 'documents/1/id'])
  expect((await call('GET', '/rag/documents/new')).status).toBe(404)
  expect((await call('POST', '/rag/documents', { documents: [...documents, { title: 'T', content: 'C' }] })).status).toBe(400)
})

test('documents are removed by their metadata, with chunks and vectors; others stay', async () => {
  const { call, id } = await app.organization()
  const other = await app.organization()
  const make = (call: Call, i: number) =>
    call('POST', '/rag/documents', { id: `d${i}`, title: 'T', content: `C${i}.`, metadata: { year: 1950 + i } })
  for (const i of [1, 2, 3, 4]) await make(call, i)
  await make(other.call, 1)
  expect((await call('POST', '/rag/documents/delete', { where: { year: { $lt: 1953 } } })).body).toEqual({ deleted: 2 })
  expect((await call('GET', '/rag/documents')).body.items.map((one: { id: string }) => one.id)).toEqual(['d4', 'd3'])
  expect((await rows(id)).filter(row => /^(chunk|vector) d[12]/.test(row))).toEqual([])
  expect((await rows(id)).filter(row => /^(chunk|vector) d[34]/.test(row))).toHaveLength(4)
  expect((await other.call('GET', '/rag/documents/d1')).status).toBe(200)
  expect((await call('POST', '/rag/documents/delete', { where: { year: { $near: 1 } } })).status).toBe(400)
  expect((await call('POST', '/rag/documents/delete', { where: {} })).body).toEqual({ deleted: 2 })
})

test('imported documents are cut up by the job before it makes their vectors, and cut up anew when an import changes them', async () => {
  const organization = 'org_cut'
  const { call } = await app.organization(organization)
  const send = (lines: object[]) =>
    app.admin(
      'POST',
      `/migration/collections/documents_store/import?organization=${organization}`,
      lines.map(one => JSON.stringify(one)).join('\n'),
      {
        'content-type': 'application/x-ndjson',
      },
    )
  await send([
    { key: 'long', value: { title: 'Long', content: long() } },
    { key: 'empty', value: { title: '', content: '' } },
  ])
  expect([await state(organization, 'long'), await chunks(organization, 'long'), provider.asked]).toEqual(['pending', [], []])
  const read = (await call('GET', '/rag/documents/long')).body
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded' })
  const pieces = await chunks(organization, 'long')
  expect(pieces.map(({ content, overlap }) => content.slice(overlap)).join('')).toBe(long())
  expect([await state(organization, 'long'), await state(organization, 'empty')]).toEqual([`done ${pieces.length}`, 'none 0'])
  expect((await vectors(organization, 'long')).filter(({ current }) => current)).toHaveLength(pieces.length)
  expect((await call('GET', '/rag/documents/long')).body).toEqual(read)
  expect((await app.admin('POST', '/jobs/complete-embeddings')).body).toMatchObject({ outcome: 'succeeded', rows: 0 })

  expect((await send([{ key: 'long', value: { title: 'Long', content: 'Short now.' } }])).body).toMatchObject({ updated: 1 })
  expect([await state(organization, 'long'), await chunks(organization, 'long'), await vectors(organization, 'long')]).toEqual([
    'pending',
    [],
    [],
  ])
  await app.admin('POST', '/jobs/complete-embeddings')
  expect((await vectors(organization, 'long')).map(({ chunk, current }) => [chunk, current])).toEqual([[1, true]])
})
