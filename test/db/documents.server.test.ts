import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type Running, run } from '../support/http.ts'
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

const text = (name: string, sentences: number) =>
  Array.from({ length: sentences }, (_, i) => `Sentence ${i} of ${name} tells of wing ${i * 7919}.`).join(' ')
const [SHORT, LONG, TINY] = [text('the first', 150), text('the second', 400), 'One sentence.']

/** Every document with what its chunks make together, and how many of them lack their vector or have another text's. */
const seen = (organization: string) =>
  app.database.sql<{ content: string; together: string; state: string; counted: boolean; vectors: number; stale: number }>(
    `select d.content, d.embedding_state as state, (
        select coalesce(string_agg(substr(c.content, c.overlap + 1), '' order by number), '') from rag_chunks c
        where c.organization_id = d.organization_id and c.document_id = d.id) as together,
      d.chunk_count = (select count(*) from rag_chunks c where c.organization_id = d.organization_id and c.document_id = d.id) as counted,
      (select count(*)::int from item_vectors v where v.organization_id = d.organization_id and v.item_id = d.id) - d.chunk_count as vectors,
      (select count(*)::int from item_vectors v
        where v.organization_id = d.organization_id and v.item_id = d.id and not exists (
          select from rag_chunks c
          where c.organization_id = v.organization_id and c.document_id = v.item_id and c.number = v.chunk and c.content_hash = v.text_hash)) as stale
    from rag_documents d where d.organization_id = $1 and d.deleted_at is null`,
    [organization],
  )

const whole = { state: 'done', counted: true, vectors: 0, stale: 0 }

/**
 * Every document is of one content, and says so where vectors are lacking: a writer that asked for none, for it found its content there,
 * may follow one that changed it, and they are the job's then. Answers the contents.
 */
const contentsOf = async (organization: string): Promise<string[]> => {
  const documents = await seen(organization)
  for (const { content, together, state, vectors, ...rest } of documents) {
    expect([together === content, { ...whole, ...rest }]).toEqual([true, whole])
    expect(state === 'pending' || (state === 'done' && vectors === 0), `${state}, ${vectors}`).toBe(true)
  }
  return documents.map(({ content }) => content)
}

/** The job leaves nothing to be done. */
const completed = async (organization: string): Promise<void> => {
  expect((await app.admin('POST', '/jobs/complete-embeddings')).status).toBe(200)
  for (const { content, together, ...rest } of await seen(organization)) expect([together === content, rest]).toEqual([true, whole])
}

test('while documents are replaced a reader sees each with the chunks and vectors of one content, never of two', async () => {
  const { call, id } = await app.organization()
  const put = (name: string, content: string) => call('PUT', `/rag/documents/${name}`, { title: 'T', content })
  for (const name of ['a', 'b']) await put(name, SHORT)
  let writing = true
  const write = async (name: string) => {
    for (let i = 0; i < 12; i++) expect((await put(name, [LONG, TINY, SHORT][i % 3] as string)).status).toBe(200)
  }
  const met = new Set<string>()
  const read = async () => {
    while (writing) for (const content of await contentsOf(id)) met.add(content)
  }
  const readers = [read(), read()]
  await Promise.all(['a', 'a', 'b'].map(write))
  writing = false
  await Promise.all(readers)
  expect(met.size).toBeGreaterThan(1)
  await completed(id)
})

test('of many who create one document one does; of many who write, replace and remove it all leave it whole', async () => {
  const { call, id } = await app.organization()
  const statuses = (answers: Answer[]) => answers.map(({ status }) => status).sort()
  for (let round = 0; round < 5; round++) {
    const [path, body] = [`/rag/documents/d${round}`, { title: 'T', content: SHORT }]
    const creations = await Promise.all(
      [TINY, LONG, SHORT].map(content => call('POST', '/rag/documents', { id: `d${round}`, title: 'T', content })),
    )
    expect(statuses(creations)).toEqual([201, 409, 409])
    const answers = await Promise.all([
      call('PUT', path, { ...body, content: LONG }),
      call('PATCH', path, { content: TINY }),
      call('DELETE', path),
      call('POST', '/rag/documents/delete', { where: { a: 1 } }),
      call('PUT', path, { ...body, metadata: { a: 1 } }),
      app.admin('POST', '/jobs/complete-embeddings'),
    ])
    expect(statuses(answers).filter(status => status > 204 && status !== 404)).toEqual([])
    await contentsOf(id)
    await completed(id)
  }
  const orphans = await app.database.sql(
    `select c.document_id from rag_chunks c join rag_documents d on d.organization_id = c.organization_id and d.id = c.document_id
    where d.organization_id = $1 and d.deleted_at is not null
    union all select v.item_id from item_vectors v join rag_documents d on d.organization_id = v.organization_id and d.id = v.item_id
    where d.organization_id = $1 and d.deleted_at is not null`,
    [id],
  )
  expect(orphans).toEqual([])
})

test('one If-Match out of many wins', async () => {
  const { call } = await app.organization()
  const { body } = await call('POST', '/rag/documents', { id: 'd', title: 'T', content: TINY })
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map(title => call('PATCH', '/rag/documents/d', { title }, { 'if-match': `"${body.version}"` })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412])
})
