import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTag } from '../../shared/db/tag.ts'
import { runBehindProxy } from '../support/behind.ts'
import type { Call } from '../support/http.ts'

let app: Awaited<ReturnType<typeof runBehindProxy>>
let call: Call
beforeAll(async () => {
  app = await runBehindProxy({ DB_POOL_SIZE: '1' })
  call = (await app.organization()).call
})
afterAll(() => app.stop())

test('the server sees the route of a statement in its text', async () => {
  await call('GET', '/agents/nobody')
  const [row] = await app.database.sql<{ query: string }>(
    `select query from pg_stat_activity where datname = current_database() and application_name = 'agenthub-gateway'`,
  )
  expect(row?.query).toMatch(/^select id, version,.* from agents[\s\S]* \/\*route='get%20%2Fagents%2F%3Aid'\*\/$/)
})

test('a statement is prepared once for each route that sends it, however often that is', async () => {
  const parses = async (path: string) => {
    await app.proxy.take()
    await call('GET', path)
    return (await app.proxy.take()).client.P ?? 0
  }
  await call('GET', '/agents')
  expect([await parses('/agents'), await parses('/agents?q=other'), await parses('/agents/some-other')]).toEqual([0, 0, 0])
})

test('a tagged statement is the very same text under the same name each time, and another one under another route', () => {
  const tag = makeTag()
  const statement = { name: 'agents.get', text: 'select 1', values: ['a'] }
  const first = tag('get /agents/:id', statement)
  expect(first).toEqual({ name: 'agents.get', as: 'agents.get 1', text: "select 1 /*route='get%20%2Fagents%2F%3Aid'*/", values: ['a'] })
  expect(tag('get /agents/:id', { ...statement, values: ['b'] })).toEqual({ ...first, values: ['b'] })
  expect(tag('patch /agents/:id', statement)).toMatchObject({ name: 'agents.get', as: 'agents.get 2' })
  expect(tag(undefined, statement)).toBe(statement)
})

test('a route cannot end its comment', () => {
  const { text } = makeTag()("get /it's*/ select 2 --", { name: 'n', text: 'select 1', values: [] })
  expect(text).toBe("select 1 /*route='get%20%2Fit%27s*%2F%20select%202%20--'*/")
})

test('two texts under one name are refused, tagged or not', () => {
  const tag = makeTag()
  tag('get /', { name: 'n', text: 'select 1', values: [] })
  expect(() => tag('get /', { name: 'n', text: 'select 2', values: [] })).toThrow("two statements are named 'n'")
})
