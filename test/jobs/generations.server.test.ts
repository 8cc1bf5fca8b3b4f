import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider } from '../support/provider.ts'
import { itemsOf } from './items.ts'

let app: Running
let provider: ProviderStandIn
let items: ReturnType<typeof itemsOf>
beforeAll(async () => {
  provider = await startProvider()
  provider.dimensions = 8
  app = await run()
  items = itemsOf(app, provider)
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})

const scopeOf = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})
test('writers that are the first at once share one generation, and of several models one serves', async () => {
  const organization = newId('org')
  const asks = Array.from({ length: 24 }, (_, i) =>
    app.shared.db.write(scopeOf(organization), {
      name: 'ask',
      text: 'select embedding_generation($1, $2, $3, $4, 8)',
      values: [organization, 'faqs', 'openai', `model-${i % 3}`],
    }),
  )
  const numbers = (await Promise.all(asks)).map(([row]) => row?.[0])
  expect(new Set(numbers).size).toBe(3)
  const rows = await app.database.sql<{ state: string }>(
    'select state from embedding_generations where organization_id = $1 order by state',
    [organization],
  )
  expect(rows.map(({ state }) => state)).toEqual(['building', 'building', 'serving'])
})

test('whoever reads while models change sees all items of one model, at every moment', async () => {
  const organization = newId('org')
  await app.database.sql(
    `insert into knowledge_entries (organization_id, id, title, content, version, created_at, updated_at)
    select $1, 'e' || n, 'Title', 'content ' || n, nextval('row_version'), now(), now() from generate_series(1, 200) n`,
    [organization],
  )
  await items.complete('first')
  const seen = new Map<string, number>()
  let over = false
  const reader = async () => {
    while (!over) {
      const [row] = await app.shared.db.read(scopeOf(organization), {
        name: 'look',
        text: `select string_agg(distinct g.model, ' and '), count(v.item_id)
        from embedding_generations g left join item_vectors v
          on v.organization_id = g.organization_id and v.collection = g.collection and v.generation = g.number
        where g.organization_id = $1 and g.collection = 'knowledge' and g.state = 'serving'`,
        values: [organization],
      })
      const key = row?.join(' ') ?? 'nothing'
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
  }
  const readers = [reader(), reader()]
  for (const model of ['second', 'third', 'first']) await items.complete(model)
  over = true
  await Promise.all(readers)
  expect([...seen.keys()].sort()).toEqual(['first 200', 'second 200', 'third 200'])
  expect(await app.database.sql('select distinct generation from item_vectors where organization_id = $1', [organization])).toHaveLength(1)
})

test('a writer whose generation is about to retire is waited for, and what it wrote is made anew', async () => {
  const organization = newId('org')
  await items.complete('first')
  await app.database.sql(
    `insert into knowledge_entries (organization_id, id, title, content, version, created_at, updated_at)
    values ($1, 'a', 'Title', 'early', nextval('row_version'), now(), now())`,
    [organization],
  )
  await items.complete('first')
  const { pool, close } = await app.database.open()
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query(`select set_config('app.organization_id', $1, true)`, [organization])
    const asked = `select embedding_generation($1, 'knowledge', 'openai', 'first', 1536) as number`
    const { number } = (await client.query(asked, [organization])).rows[0]
    let done = false
    const switching = items.complete('second').finally(() => {
      done = true
    })
    const waiting = async () =>
      (await app.database.sql(`select from pg_locks where locktype = 'advisory' and not granted and mode = 'ExclusiveLock'`)).length > 0
    while (!(await waiting())) expect(done).toBe(false)
    await client.query(
      `insert into knowledge_entries (organization_id, id, title, content, embedding_state, version, created_at, updated_at)
      values ($1, 'b', 'Title', 'late', 'done', nextval('row_version'), now(), now())`,
      [organization],
    )
    await client.query(`insert into item_vectors values ($1, 'knowledge', 'b', 0, $2, array_fill(0.1, array[1536])::real[], 'hash')`, [
      organization,
      number,
    ])
    await client.query('commit')
    await switching
  } finally {
    client.release(true)
    await close()
  }
  const made = await app.database.sql<{ item_id: string }>(
    `select item_id, model from item_vectors v join embedding_generations g on g.number = v.generation and g.organization_id = v.organization_id
    where v.organization_id = $1 order by 1`,
    [organization],
  )
  expect(made).toEqual([
    { item_id: 'a', model: 'second' },
    { item_id: 'b', model: 'second' },
  ])
})
