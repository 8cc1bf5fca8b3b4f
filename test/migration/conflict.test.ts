import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { dictionariesOf, line } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const agent = (name: string, more: object = {}) => [line('a', { name, ...more })]

/** An organization with one imported agent, `a`. */
const imported = async (name = 'Imported') => {
  const organization = await app.organization()
  const dictionaries = dictionariesOf(app, organization.id)
  expect((await dictionaries.import('agents', agent(name))).body.inserted).toBe(1)
  return { ...organization, dictionaries }
}

test('an entry that changed since its import is taken over while its row was not touched', async () => {
  const { call, dictionaries } = await imported()
  const before = (await call('GET', '/agents/a')).body
  expect((await dictionaries.import('agents', agent('Renamed', { config: { x: 1 } }))).body).toMatchObject({ updated: 1, conflicts: [] })
  const after = (await call('GET', '/agents/a')).body
  expect(after).toMatchObject({ name: 'Renamed', configuration: { x: 1 } })
  expect(after.version).toBeGreaterThan(before.version)
  expect((await dictionaries.import('agents', agent('Again'))).body).toMatchObject({ updated: 1 })
})

test('a row changed since its import is never overwritten', async () => {
  const { call, dictionaries } = await imported()
  await call('PATCH', '/agents/a', { name: 'By a caller' })
  const { body } = await dictionaries.import('agents', agent('By the import'))
  expect(body).toMatchObject({
    read: 1,
    updated: 0,
    quarantined: [],
    conflicts: [{ key: 'a', reason: expect.stringContaining('changed') }],
  })
  expect((await call('GET', '/agents/a')).body.name).toBe('By a caller')
})

test('a row changed and changed back is not overwritten either', async () => {
  const { call, id } = await app.organization()
  const dictionaries = dictionariesOf(app, id)
  await dictionaries.import('counters', [line('n', 5)])
  for (const by of [1, -1]) await call('POST', '/agents/counters/n/increment', { by })
  expect((await dictionaries.import('counters', [line('n', 5)])).body).toMatchObject({ unchanged: 1 })
  expect((await dictionaries.import('counters', [line('n', 7)])).body.conflicts).toHaveLength(1)
})

test('a row changed by hand, without a new version, is not overwritten', async () => {
  const { id, call, dictionaries } = await imported()
  await app.database.sql("update agents set name = 'By hand' where organization_id = $1", [id])
  expect((await dictionaries.import('agents', agent('By the import'))).body.conflicts).toHaveLength(1)
  expect((await call('GET', '/agents/a')).body.name).toBe('By hand')
})

test('a removed row stays removed', async () => {
  const { call, dictionaries } = await imported()
  await call('DELETE', '/agents/a')
  for (const name of ['Imported', 'Renamed']) {
    const { body } = await dictionaries.import('agents', agent(name))
    expect(body).toMatchObject({ inserted: 0, updated: 0, conflicts: [{ key: 'a', reason: expect.stringContaining('removed') }] })
  }
  expect((await call('GET', '/agents/a')).status).toBe(404)
})

test('a row that was made here is a conflict, unless it is equal', async () => {
  const { call, id } = await app.organization()
  const dictionaries = dictionariesOf(app, id)
  await call('POST', '/agents', { id: 'a', name: 'Made here' })
  const exported = await dictionaries.export('agents', `&only_organization=${id}`)
  expect((await dictionaries.import('agents', exported.text)).body).toMatchObject({ unchanged: 1, conflicts: [] })
  expect((await dictionaries.import('agents', agent('Other'))).body.conflicts).toHaveLength(1)
})

test('a row removed and made again by a caller is not taken for the imported one', async () => {
  const { call, dictionaries } = await imported()
  await call('DELETE', '/agents/a')
  await call('POST', '/agents', { id: 'a', name: 'Imported' })
  expect((await dictionaries.import('agents', agent('Renamed'))).body.conflicts).toHaveLength(1)
})

test('messages follow a conversation that changed, unless somebody spoke since', async () => {
  const { call, id } = await app.organization()
  const dictionaries = dictionariesOf(app, id)
  const talk = (...said: string[]) => [line('t', { messages: said.map(content => ({ role: 'user', content })) })]
  await dictionaries.import('conversations', talk('one', 'two', 'three'))
  expect((await dictionaries.import('conversations', talk('one', 'zwei'))).body).toMatchObject({ updated: 1 })
  const said = async () => (await call('GET', '/conversations/t/messages')).body.items.map(({ content }: { content: string }) => content)
  expect(await said()).toEqual(['one', 'zwei'])
  expect((await call('GET', '/conversations/t')).body.message_count).toBe(2)
  await call('POST', '/conversations/t/messages', { role: 'user', content: 'since' })
  expect((await dictionaries.import('conversations', talk('other'))).body.conflicts).toHaveLength(1)
  expect(await said()).toEqual(['one', 'zwei', 'since'])
})

test('an import runs in off, rampdown and complete, and is refused in the stages between', async () => {
  const dictionaries = dictionariesOf(app)
  for (const [stage, status] of Object.entries({ off: 200, dualwrite: 409, shadow: 409, live: 409, rampdown: 200, complete: 200 })) {
    await app.database.sql(
      "insert into migration_stages (collection, stage) values ('counters', $1) on conflict (collection) do update set stage = $1",
      [stage],
    )
    expect([stage, (await dictionaries.import('counters', [line(stage, 1)])).status]).toEqual([stage, status])
    expect((await dictionaries.compare('counters', [line(stage, 1)])).status).toBe(200)
  }
  expect(await app.database.sql("select id from counters where id in ('dualwrite', 'shadow', 'live')")).toEqual([])
})

test('an import into a removed organization is refused, and names it', async () => {
  const { id, dictionaries, call } = await imported()
  expect((await call('DELETE', '/organizations/me')).status).toBe(204)
  const { status, body } = await dictionaries.import('agents', [line('later', { name: 'Later' })])
  expect([status, body.code, body.detail]).toEqual([409, 'conflict', expect.stringContaining(id)])
  expect(await app.database.sql("select id from agents where id = 'later'")).toEqual([])
})
