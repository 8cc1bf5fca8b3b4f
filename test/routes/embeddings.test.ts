import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashOf } from '../../shared/embeddings/key.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const put = '/knowledge/embeddings'
const lookup = '/knowledge/embeddings/lookup'

test('a vector is kept by its text and found by the text or its hash, with every digit', async () => {
  const { call } = await app.organization()
  const sent = '{"model":"m","items":[{"text":"Zürich 😀","embedding":[0.1,-0.30000000000000004,1e-7]},{"hash":"of mine","embedding":[3]}]}'
  expect(await call('PUT', put, sent)).toMatchObject({ status: 200, body: { stored: 2 } })
  const by = async (asked: object) => (await call('POST', lookup, { model: 'm', ...asked })).body.items
  const first = { model: 'm', hash: hashOf('Zürich 😀'), dimensions: 3, embedding: [0.1, -0.30000000000000004, 1e-7] }
  expect(await by({ texts: ['unknown', 'Zürich 😀'] })).toEqual([null, first])
  expect(await by({ hashes: ['of mine', hashOf('Zürich 😀'), 'of mine'] })).toEqual([
    { model: 'm', hash: 'of mine', dimensions: 1, embedding: [3] },
    first,
    { model: 'm', hash: 'of mine', dimensions: 1, embedding: [3] },
  ])
  expect((await call('POST', lookup, { model: 'm', texts: ['Zürich 😀'] })).text).toContain('-0.30000000000000004')
})

test('no two keys are one, whatever signs are in them, and however long they are', async () => {
  const { call } = await app.organization()
  const keys = [
    ...[
      ['c', 'a/b'],
      ['b/c', 'a'],
      ['c', 'a%2Fb'],
      ['c', 'a%b'],
      ['c', 'a%25b'],
      ['m'.repeat(200), '/'.repeat(200)],
    ],
    ['m/'.repeat(100), hashOf('text')],
  ] as [string, string][]
  for (const [n, [model, hash]] of keys.entries())
    expect((await call('PUT', put, { model, items: [{ hash, embedding: [n + 1] }] })).body).toEqual({ stored: 1 })
  for (const [n, [model, hash]] of keys.entries())
    expect((await call('POST', lookup, { model, hashes: [hash] })).body.items).toEqual([{ model, hash, dimensions: 1, embedding: [n + 1] }])
})

test('of what is sent twice the last counts', async () => {
  const { call } = await app.organization()
  const items = [
    { hash: 'a', embedding: [1] },
    { hash: 'a', embedding: [2] },
  ]
  expect((await call('PUT', put, { model: 'm', items })).body).toEqual({ stored: 1 })
  expect((await call('POST', lookup, { model: 'm', hashes: ['a'] })).body.items).toMatchObject([{ embedding: [2] }])
})

test.each<[string, string, string, object]>([
  ['no items', 'PUT', put, { model: 'm', items: [] }],
  ['more than a thousand', 'PUT', put, { model: 'm', items: Array.from({ length: 1001 }, (_, i) => ({ hash: `${i}`, embedding: [1] })) }],
  ['neither text nor hash', 'PUT', put, { model: 'm', items: [{ embedding: [1] }] }],
  ['text and hash', 'PUT', put, { model: 'm', items: [{ text: 'a', hash: 'a', embedding: [1] }] }],
  ['no numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [] }] }],
  ['something else than numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [1, '2'] }] }],
  ['a number beyond 32 bits', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: [1e39] }] }],
  ['too many numbers', 'PUT', put, { model: 'm', items: [{ text: 'a', embedding: Array(4097).fill(1) }] }],
  ['no model', 'PUT', put, { items: [{ text: 'a', embedding: [1] }] }],
  ['no texts', 'POST', lookup, { model: 'm', texts: [] }],
  ['texts and hashes', 'POST', lookup, { model: 'm', texts: ['a'], hashes: ['a'] }],
  ['more than a thousand texts', 'POST', lookup, { model: 'm', texts: Array(1001).fill('a') }],
])('%s: 400, and nothing is kept', async (_, method, path, body) => {
  const { call, id } = await app.organization()
  expect((await call(method, path, body)).status).toBe(400)
  expect(await app.database.sql('select id from embeddings_cache where organization_id = $1', [id])).toEqual([])
})

test('vectors are audited by what they are of, without their numbers', async () => {
  const { call, id } = await app.organization()
  await call('PUT', put, { model: 'm', items: [{ hash: 'a', embedding: [0.25, 1 / 3] }] })
  await call('PUT', put, { model: 'm', items: [{ hash: 'a', embedding: [0.5, 0.5] }] })
  const events = await app.database.sql<{ action: string; after: object }>(
    `select action, after from audit_events where organization_id = $1 and entity_type = 'embedding' order by id`,
    [id],
  )
  expect(events).toMatchObject([
    { action: 'create', after: { provider: 'caller', model: 'm', text_hash: 'a', dimensions: 2, embedding: '[redacted]' } },
    { action: 'update', after: { embedding: '[redacted]' } },
  ])
  expect(JSON.stringify(events)).not.toMatch(/0\.25|0\.333|0\.5/)
})

test('a thousand texts are looked up in one query', async () => {
  const { call } = await app.organization()
  const texts = Array.from({ length: 1000 }, (_, i) => `text ${i}`)
  const items = texts.map((text, i) => ({ text, embedding: [i, 0.5] }))
  expect((await call('PUT', put, { model: 'm', items })).body).toEqual({ stored: 1000 })
  const queries = async () => {
    const metrics = (await app.admin('GET', '/metrics')).text
    return [...metrics.matchAll(/^db_query_duration_seconds_count\{(?!.*"reports\.ages").*\} (\d+)/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    )
  }
  const before = await queries()
  const { body } = await call('POST', lookup, { model: 'm', texts: texts.toReversed() })
  expect(body.items.map(({ embedding }: { embedding: number[] }) => embedding[0])).toEqual(texts.map((_, i) => 999 - i))
  expect((await queries()) - before).toBe(1)
})

test('a vector that nobody has used for 90 days goes, an imported one like others; to be looked up or put again is a use', async () => {
  const { call, id } = await app.organization()
  const names = ['fresh', 'put', 'looked up', 'imported', 'unused']
  const items = names.map((hash, i) => ({ hash, embedding: [i, 1] }))
  await call('PUT', put, { model: 'm', items })
  const age = `update embeddings_cache set used_at = now() - make_interval(days => $2) where organization_id = $1 and text_hash = any ($3)`
  await app.database.sql(age, [id, 91, names.slice(1)])
  await app.database.sql(age, [id, 89, ['fresh']])
  await app.database.sql(
    `update embeddings_cache set extra = '{"imported": [1, 2]}' where organization_id = $1 and text_hash = 'imported'`,
    [id],
  )
  await call('PUT', put, { model: 'm', items: [items[1]] })
  await call('POST', lookup, { model: 'm', hashes: ['looked up'] })
  const purged = async (stage: string) => {
    await app.database.sql(`update migration_stages set stage = $1 where collection = 'embeddings_cache'`, [stage])
    const { body } = await app.admin('POST', '/jobs/purge-expired')
    expect(body.outcome).toBe('succeeded')
    return (await call('POST', lookup, { model: 'm', hashes: names })).body.items.map((found: object | null) => found !== null)
  }
  expect(await purged('rampdown')).toEqual([true, true, true, true, true])
  await app.database.sql(age, [id, 91, ['imported', 'unused']])
  expect(await purged('complete')).toEqual([true, true, true, false, false])
  const removals = `select entity_id, before -> 'embedding' as embedding from audit_events where organization_id = $1 and action = 'remove' order by 1`
  expect(await app.database.sql(removals, [id])).toEqual([
    { entity_id: 'caller/2/1/imported/m', embedding: '[redacted]' },
    { entity_id: 'caller/2/1/unused/m', embedding: '[redacted]' },
  ])
})

test('to note a use moves no version, is no event, and is done once a day', async () => {
  const { call, id } = await app.organization()
  await call('PUT', put, { model: 'm', items: [{ hash: 'a', embedding: [1] }] })
  const known = `select version, updated_at, used_at, (select count(*) from audit_events e where e.organization_id = c.organization_id) as events
    from embeddings_cache c where organization_id = $1`
  const used = async (hours: number) => {
    await app.database.sql(`update embeddings_cache set used_at = now() - make_interval(hours => $2) where organization_id = $1`, [
      id,
      hours,
    ])
    const [before] = await app.database.sql<{ used_at: Date }>(known, [id])
    await call('POST', lookup, { model: 'm', hashes: ['a'] })
    const [after] = await app.database.sql<{ used_at: Date }>(known, [id])
    expect({ ...after, used_at: 0 }).toEqual({ ...before, used_at: 0 })
    return Number(after?.used_at) > Number(before?.used_at)
  }
  expect([await used(23), await used(25)]).toEqual([false, true])
})
