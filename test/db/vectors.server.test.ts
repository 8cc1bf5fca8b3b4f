import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresEntries } from '../../functions/knowledge/entries.postgres.ts'
import { postgresFaqs } from '../../functions/rag/faqs.postgres.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Embedded } from '../../shared/embeddings/items.ts'
import { hashOf } from '../../shared/embeddings/key.ts'
import { unit } from '../../shared/embeddings/vector.ts'
import { newId } from '../../shared/id.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let opened: Awaited<ReturnType<TestDatabase['open']>>
let entries: ReturnType<typeof postgresEntries>
let faqs: ReturnType<typeof postgresFaqs>
beforeAll(async () => {
  database = await makeTestDatabase()
  opened = await database.open()
  const db = makeDatabase(opened.pool, { ...database.config.pool, log: makeLog('silent', undefined), metrics: makeMetrics() })
  entries = postgresEntries(db)
  faqs = postgresFaqs(db)
})
afterAll(async () => {
  await opened.close()
  await database.drop()
})

const scopeOf = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
const at = '2026-01-01T00:00:00.000Z'
const none: Embedded = { vector: undefined, state: 'failed', lacking: 'failed' }
const made = (text: string, model: string): Embedded => ({
  vector: { provider: 'test', model, dimensions: 2, vector: unit([text.length, 1]) as Float32Array, hash: hashOf(text) },
  state: 'done',
  lacking: 'failed',
})
const vectors = (organization: string) =>
  database.sql<{ text_hash: string; model: string; state: string }>(
    `select text_hash, model, embedding_state as state from item_vectors v
    join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    left join knowledge_entries e on e.organization_id = v.organization_id and e.id = v.item_id and v.collection = 'knowledge'
    where v.organization_id = $1`,
    [organization],
  )

test('whoever changes a text last leaves no vector of another, also one that came in while he waited', async () => {
  for (let round = 0; round < 20; round++) {
    const scope = scopeOf(newId('org'))
    const entry = { id: 'e', agent_id: null, title: 'T', content: 'first', tags: [], language: null, at }
    await entries.create(scope, entry, made('T\nfirst', 'one'))
    const contents = Array.from({ length: 6 }, (_, i) => `content ${i} of ${round}`)
    await Promise.all(
      contents.map((content, i) => {
        const embedded = i % 2 === 0 ? none : made(`T\n${content}`, i === 3 ? 'two' : 'one')
        return entries.update(scope, 'e', { content }, embedded, at, undefined)
      }),
    )
    const { content } = JSON.parse((await entries.get(scope, 'e'))?.json as string)
    const i = contents.indexOf(content)
    const left = await vectors(scope.organization_id)
    expect(left.map(({ text_hash, state }) => [text_hash, state])).toEqual(i % 2 === 0 ? [] : [[hashOf(`T\n${content}`), 'done']])
  }
})

test('a vector that was made of another text than what is there by now is not kept', async () => {
  const scope = scopeOf(newId('org'))
  const entry = { id: 'e', agent_id: null, title: 'T', content: 'first', tags: [], language: null, at }
  await entries.create(scope, entry, made('T\nfirst', 'one'))
  await entries.update(scope, 'e', { title: 'U' }, made('U\nfirst', 'one'), at, undefined)
  await entries.update(scope, 'e', { content: 'second' }, made('T\nsecond', 'one'), at, undefined)
  expect(await vectors(scope.organization_id)).toEqual([])
  expect(await database.sql('select embedding_state from knowledge_entries where organization_id = $1', [scope.organization_id])).toEqual([
    { embedding_state: 'failed' },
  ])
})

test('what is removed by a filter leaves no vector, also of a text that came in meanwhile', async () => {
  for (let round = 0; round < 20; round++) {
    const scope = scopeOf(newId('org'))
    const faq = { id: 'f', question: 'Q', answer: 'A', category: null, metadata: {}, language: null, embedded: made('Q\nA', 'one') }
    await faqs.create(scope, [faq], at, '')
    // the change is refused where it comes late
    await Promise.allSettled([
      faqs.update(scope, 'f', { answer: 'B' }, made('Q\nB', 'two'), at, undefined),
      faqs.removeWhere(scope, { all: [] }, at),
    ])
    expect(await vectors(scope.organization_id)).toEqual([])
  }
})
