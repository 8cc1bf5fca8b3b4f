import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run({ MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '5' })
})
afterAll(() => app.stop())

const COLLECTION = '/migration/collections/documents_store'
const step = async (stage: string) => {
  const { epoch } = (await app.admin('GET', COLLECTION)).body
  const { status } = await app.admin('POST', `${COLLECTION}/stage`, { stage, expected_epoch: epoch })
  expect([stage, status]).toEqual([stage, 200])
}
const verify = async () => (await app.admin('POST', `${COLLECTION}/verify`)).body

test('documents of memory are in Postgres with their chunks and vectors when writes go to both, and stay the same on both sides', async () => {
  const { call, id } = await app.organization()
  const chunks = [{ content: 'One.', embedding: [3, 4] }, { content: 'Two.' }]
  const make = (id: string, more: object) => call('PUT', `/rag/documents/${id}`, { title: id, content: 'One. Two.', ...more })
  await make('given', { chunks, embedding: [4, 3] })
  await make('single', { chunks: [{ content: 'All.' }], embedding: [0, 0.5], metadata: { keep: true } })
  await make('plain', { language: 'en' })
  await make('removed', { chunks })
  await make('filtered', { metadata: { drop: 1 } })
  expect((await call('DELETE', '/rag/documents/removed')).status).toBe(204)
  expect((await call('POST', '/rag/documents/delete', { where: { drop: 1 } })).body).toEqual({ deleted: 1 })
  const before = (await call('GET', '/rag/documents')).body.items
  expect(await app.database.sql('select id from rag_documents where organization_id = $1', [id])).toEqual([])

  await step('dualwrite')
  const rows = await app.database.sql<{ row: string }>(
    `select concat_ws(' ', id, chunk_count, embedding_state, deleted_at is not null) as row from rag_documents where organization_id = $1 order by id`,
    [id],
  )
  expect(rows.map(({ row }) => row)).toEqual([
    'filtered pending t',
    'given 2 pending f',
    'plain pending f',
    'removed pending t',
    'single 1 pending f',
  ])
  const vectors = await app.database.sql<{ row: string }>(
    `select concat_ws(' ', item_id, chunk, (embedding::real[])[1:2]) as row from item_vectors where organization_id = $1 order by 1`,
    [id],
  )
  expect(vectors.map(({ row }) => row)).toEqual(['given 0 {0.8,0.6}', 'given 1 {0.6,0.8}', 'single 0 {0,1}'])
  expect(await verify()).toMatchObject({ equal: true, differences: [] })

  await make('given', { chunks: [chunks[1], chunks[0]] })
  await make('both', { chunks, embedding: [0.30000000000000004] })
  await call('PATCH', '/rag/documents/single', { content: 'Another.' })
  await app.admin('POST', '/jobs/complete-embeddings')
  expect(await verify()).toMatchObject({ equal: true, differences: [] })
  await step('shadow')
  await verify()
  await step('live')
  expect((await call('POST', '/rag/documents/delete', { where: { keep: true } })).body).toEqual({ deleted: 1 })
  expect(await verify()).toMatchObject({ equal: true, differences: [] })
  const after = (await call('GET', '/rag/documents')).body.items
  expect(after.map(({ id }: { id: string }) => id)).toEqual(['both', 'plain', 'given'])
  expect(after.find(({ id }: { id: string }) => id === 'plain').created_at).toBe(
    before.find(({ id }: { id: string }) => id === 'plain').created_at,
  )
})
