import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { dictionariesOf, entriesIn, line, names, sample } from './dictionaries.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const clean = { quarantined: [], conflicts: [] }

test.each(names)(
  'the dictionary of %s is imported, compares equal, is exported as it was, and a second import changes nothing',
  async name => {
    const dictionaries = dictionariesOf(app)
    const text = sample(name)
    const read = entriesIn(name, text)
    const first = await dictionaries.import(name, text)
    expect(first.body).toMatchObject({ read, inserted: read, unchanged: 0, updated: 0, ...clean })
    const again = await dictionaries.import(name, text)
    expect(again.body).toMatchObject({ read, inserted: 0, unchanged: read, updated: 0, ...clean })
    const compared = await dictionaries.compare(name, text)
    expect(compared.body).toMatchObject({ equal: true, matched: read, only_in_source: [], only_in_postgres: [], different: [] })
    const exported = await dictionaries.export(name)
    expect(exported.headers.get('content-type')).toBe('application/json')
    expect(await dictionaries.equal(exported.text, text)).toBe(true)
  },
)

test('imported events of long ago lie in partitions of their own months, and none in the default one', async () => {
  await dictionariesOf(app).import('analytics_data', sample('analytics_data'))
  const homes = await app.database.sql<{ home: string; month: string }>(
    `select tableoid::regclass::text as home, 'analytics_events_' || to_char(created_at at time zone 'UTC', 'YYYY_MM') as month
    from analytics_events order by created_at`,
  )
  expect(homes.map(({ home }) => home)).toEqual(homes.map(({ month }) => month))
  expect(homes.map(({ home }) => home)).toContain('analytics_events_2015_05')
})

test('what was imported is met by callers of its organization', async () => {
  const { call } = await app.organization('org_reads')
  await dictionariesOf(app, 'org_reads').import('agents', [
    line('met', { name: 'Met', config: { a: 1 }, created_at: '2026-03-01T08:00:00' }),
  ])
  const { body } = await call('GET', '/agents/met')
  expect(body).toMatchObject({ name: 'Met', configuration: { a: 1 }, status: 'active', created_at: '2026-03-01T08:00:00.000Z' })
  await dictionariesOf(app, 'org_reads').import('conversations', [line('said', { messages: [{ role: 'user', content: 'hello' }] })])
  expect((await call('GET', '/conversations/said/messages')).body.items).toMatchObject([{ number: 1, role: 'user', content: 'hello' }])
  expect((await call('GET', '/conversations/search?q=hello')).body.items).toMatchObject([{ conversation_id: 'said' }])
})

test('a value changed by hand is reported with its key and path, in children too', async () => {
  const dictionaries = dictionariesOf(app, 'org_hand')
  const agents = [line('hand', { name: 'Mine', config: { 'a/b': [1, { '~': 2 }] } })]
  const conversations = [
    line('talk', {
      messages: [
        { role: 'user', content: 'one' },
        { role: 'user', content: 'two' },
      ],
    }),
  ]
  await dictionaries.import('agents', agents)
  await dictionaries.import('conversations', conversations)
  await app.database.sql(`update agents set configuration = '{"a/b": [1, {"~": 3}]}', industry = 'new' where id = 'hand'`)
  await app.database.sql("update messages set content = 'changed' where conversation_id = 'talk' and number = 2")
  await app.database.sql("delete from messages where conversation_id = 'talk' and number = 1")
  const compared = await dictionaries.compare('agents', agents, '&only_organization=org_hand')
  expect(compared.body).toMatchObject({ equal: false, matched: 0, counts: { different: 1 } })
  expect(compared.body.different).toEqual([
    { key: 'hand', path: '/config/a~1b/1/~0', source: 2, postgres: 3 },
    { key: 'hand', path: '/industry', postgres: 'new' },
  ])
  const talk = await dictionaries.compare('conversations', conversations, '&only_organization=org_hand')
  expect(talk.body.different).toContainEqual({ key: 'talk', path: '/messages/0/content', source: 'one', postgres: 'changed' })
  await app.database.sql("delete from messages where conversation_id = 'talk'")
  await app.database.sql("delete from conversations where id = 'talk'")
  await app.database.sql("delete from agents where id = 'hand'")
})

test('what only one side has is told, and a comparison in parts tells it with its last', async () => {
  const dictionaries = dictionariesOf(app, 'org_parts')
  const all = ['a', 'b', 'c', 'd'].map(key => line(key, { name: key }))
  await dictionaries.import('agents', all)
  const narrow = '&only_organization=org_parts'
  const half = await dictionaries.compare('agents', [...all.slice(0, 2), line('e', { name: 'e' })], narrow)
  expect(half.body).toMatchObject({ equal: false, matched: 2, only_in_source: ['e'], only_in_postgres: ['c', 'd'] })
  const first = await dictionaries.compare('agents', all.slice(0, 2), `${narrow}&run=r1`)
  expect(first.body).toMatchObject({ equal: true, matched: 2, only_in_postgres: [] })
  const last = await dictionaries.compare('agents', all.slice(2, 3), `${narrow}&run=r1&last=true`)
  expect(last.body).toMatchObject({ equal: false, matched: 1, only_in_postgres: ['d'], counts: { only_in_postgres: 1 } })
  const again = await dictionaries.compare('agents', all.slice(2, 3), `${narrow}&run=r1&last=true`)
  expect(again.body, 'the last part sent again, as when its answer was lost').toEqual(last.body)
  await app.database.sql("delete from agents where organization_id = 'org_parts'")
})

test('a key of two organizations is exported for one of them only', async () => {
  const dictionaries = dictionariesOf(app, 'org_left')
  const twins = ['org_left', 'org_right'].map(organization_id => line('twin', { name: organization_id, organization_id }))
  expect((await dictionaries.import('agents', twins)).body).toMatchObject({ inserted: 2 })
  const refused = await dictionaries.export('agents')
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('twin')])
  expect((await dictionaries.export('agents', '&only_organization=org_right')).body.twin.name).toBe('org_right')
  await app.database.sql("delete from agents where id = 'twin'")
})

test('an entry without an organization needs one named; an organization that does not exist is made with its id as its name', async () => {
  const path = '/migration/collections/agents/import'
  const nowhere = await app.admin('POST', path, { lost: { name: 'Lost' } })
  expect([nowhere.status, nowhere.body.errors[0].path]).toEqual([400, 'organization'])
  expect((await app.admin('POST', '/migration/collections/counters/import', { lost: 1 })).status).toBe(400)
  expect((await app.admin('POST', path, { found: { name: 'Found', organization_id: 'org_founded' } })).body.inserted).toBe(1)
  const organizations = await app.database.sql("select name from organizations where id = 'org_founded'")
  expect(organizations).toEqual([{ name: 'org_founded' }])
  await app.database.sql("delete from agents where id = 'found'")
})

test('only the platform moves dictionaries, and only those that there are', async () => {
  const { call } = await app.organization()
  expect((await call('POST', '/migration/collections/agents/import', {})).status).toBe(403)
  expect((await app.as(undefined)('GET', '/migration/collections/agents/export')).status).toBe(401)
  expect((await app.admin('POST', '/migration/collections/organizations/import', {})).status).toBe(404)
  const xml = await app.admin('POST', '/migration/collections/agents/import', '<a/>', { 'content-type': 'text/xml' })
  expect(xml.status).toBe(415)
})

test('every row of an import is in the audit, under the caller', async () => {
  await dictionariesOf(app, 'org_audit').import('agents', [line('seen', { name: 'Seen' })])
  const events = await app.database.sql(
    "select actor, action, entity_type from audit_events where organization_id = 'org_audit' order by id",
  )
  expect(events).toEqual(expect.arrayContaining([{ actor: 'admin', action: 'create', entity_type: 'agent' }]))
  await app.database.sql("delete from agents where id = 'seen'")
})

test('a body of more than 32 MB is refused, announced or chunked', async () => {
  const big = Buffer.alloc(33 * 1024 * 1024, 0x20)
  const headers = { authorization: `Bearer ${app.shared.adminKey}`, 'content-type': 'application/x-ndjson' }
  const url = `${app.url}/migration/collections/agents/import?organization=org_big`
  for (const body of [big, new Blob([big]).stream()])
    expect((await fetch(url, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)).status).toBe(413)
})

test('a table that takes records of another organization along is not imported behind the memory of the records', async () => {
  const dictionaries = dictionariesOf(app, 'org_first')
  await dictionaries.import('database', [line('moved', { r1: { a: 1 } })])
  const stage = (name: string) => app.database.sql("update migration_stages set stage = $1 where collection = 'database'", [name])
  await app.admin('GET', '/migration/collections')
  await stage('live')
  const table = [line('moved', { name: 'moved', organization_id: 'org_second', columns: {} })]
  const refused = await dictionaries.import('tables', table)
  expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('database is in stage live')])
  await stage('complete')
  expect((await dictionaries.import('tables', table)).body).toMatchObject({ inserted: 1, ...clean })
  const moved = await app.database.sql("select organization_id from data_records where table_id = 'moved'")
  expect(moved).toEqual([{ organization_id: 'org_second' }])
})
