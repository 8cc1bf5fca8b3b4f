import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { engine } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'
import { type ProviderStandIn, startProvider } from '../support/provider.ts'
import { itemsOf } from './items.ts'

let app: Running
let provider: ProviderStandIn
let items: ReturnType<typeof itemsOf>
beforeAll(async () => {
  provider = await startProvider()
  app = await run({ EMBEDDING_PROVIDER: 'openai', EMBEDDING_URL: provider.url, EMBEDDING_MODEL: 'one' })
  items = itemsOf(app, provider)
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})
beforeEach(async () => {
  await items.clear()
  provider.asked = []
  provider.fate = () => 'answer'
})

test('another model is built beside the one that serves, serves in one step when it is whole, and the former vectors go', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 100; i++) await items.entry(id, `e${i}`, `content ${i}`)
  await items.complete('one')
  let served = 0
  const seen: string[][] = []
  await items.complete('two', store => ({
    ...store,
    write: async (...asked) => {
      seen.push(await items.generations(id))
      return store.write(...asked)
    },
    serve: async (...asked) => {
      seen.push(await items.generations(id))
      const done = await store.serve(...asked)
      served++
      seen.push(await items.generations(id))
      return done
    },
  }))
  expect(new Set(seen.map(states => states.join()))).toEqual(new Set(['one serving,two building', 'one retired,two serving']))
  expect([served, await items.generations(id)]).toEqual([1, ['two serving']])
  const now = await items.vectors(id, 'knowledge')
  expect([now.length, new Set(now.map(({ model }) => model))]).toEqual([100, new Set(['two'])])
  expect(await items.complete('two')).toBe(0)
})

test('until the other model is whole nothing of it serves, and a run that was interrupted goes on', async () => {
  const { id } = await app.organization()
  for (let i = 0; i < 100; i++) await items.entry(id, `e${i}`, `content ${i}`)
  await items.complete('one')
  let pages = 0
  const interrupted = items.complete('three', store => ({
    ...store,
    write: async (...asked) => {
      if (++pages === 2) throw new Error('the process ended')
      return store.write(...asked)
    },
  }))
  await expect(interrupted).rejects.toThrow('the process ended')
  expect(await items.generations(id)).toEqual(['one serving', 'three building'])
  provider.asked = []
  await items.complete('three')
  expect(provider.asked).toEqual([]) // what was made before it ended was kept
  expect(await items.generations(id)).toEqual(['three serving'])
  expect(await items.vectors(id, 'knowledge')).toHaveLength(100)
})

test('what a process of the former model writes while the switch is under way is made anew before it', async () => {
  const { id } = await app.organization()
  await items.entry(id, 'a', 'early')
  await items.complete('one')
  let late = true
  await items.complete('four', store => ({
    ...store,
    serve: async (...asked) => {
      if (late) {
        late = false
        await items.entry(id, '0', 'late')
        await items.sql(
          `with n as (select embedding_generation($1, 'knowledge', 'openai', 'one', 1536) as number),
          v as (insert into item_vectors select $1, 'knowledge', '0', 0, number, array_fill(0.1, array[1536])::real[], 'hash' from n)
          update knowledge_entries set embedding_state = 'done' where organization_id = $1 and id = '0'`,
          [id],
        )
      }
      return store.serve(...asked)
    },
  }))
  expect((await items.vectors(id, 'knowledge')).map(({ item_id, model }) => [item_id, model])).toEqual([
    ['0', 'four'],
    ['a', 'four'],
  ])
  expect(await items.generations(id)).toEqual(['four serving'])
})

test('vectors that callers bring stay beside any model', async () => {
  const { id } = await app.organization()
  await items.entry(id, 'a', 'brought')
  const bring = `with n as (select embedding_generation($1, 'knowledge', 'caller', 'caller', 1536) as number)
    insert into item_vectors select $1, 'knowledge', 'a', 0, number, array_fill(0.1, array[1536])::real[], 'hash' from n`
  await items.sql(bring, [id])
  await items.complete('four')
  await items.complete('five')
  expect((await items.vectors(id, 'knowledge')).map(({ model, state }) => [model, state])).toEqual([
    ['caller', 'serving'],
    ['five', 'serving'],
  ])
})

test.runIf(engine === 'embedded' || process.env.TEST_DATABASE_URL !== undefined)(
  'whoever searches with a model whose vectors do not serve (yet) is told so, or goes by words; no search mixes two models',
  async () => {
    const { call, id } = await app.organization()
    await items.entry(id, 'a', 'the pool is open')
    const ask = async () => {
      const [near, both] = [
        await call('POST', '/knowledge/search', { query: 'pool', mode: 'vector' }),
        await call('POST', '/knowledge/search', { query: 'pool' }),
      ]
      expect(both).toMatchObject({ status: 200, body: { items: [{ id: 'a' }] } })
      if (near.status === 503) expect([near.body.code, near.headers.get('retry-after')]).toEqual(['unavailable', '30'])
      return [near.status, both.body.items[0].scores.vector === null ? 'words' : 'both']
    }
    expect(await ask()).toEqual([200, 'words']) // no model's vectors are there
    await items.complete('one')
    const seen: unknown[] = [await ask()]
    await items.complete('six', store => ({
      ...store,
      serve: async (...asked) => {
        seen.push(await ask())
        const done = await store.serve(...asked)
        seen.push(await ask())
        return done
      },
    }))
    // a process of the former model is served until the switch, one of the configured model from then on
    expect(seen).toEqual([
      [200, 'both'],
      [200, 'both'],
      [503, 'words'],
    ])
    await items.complete('one')
    expect(await ask()).toEqual([200, 'both'])
  },
)
