import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

type Event = Record<'actor' | 'action' | 'entity_type' | 'entity_id' | 'request_id' | 'created_at', string> & {
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
}
const events = async (call: Call, query = ''): Promise<Event[]> => (await call('GET', `/audit/events?limit=200${query}`)).body.items
const brief = ({ action, entity_type }: Event) => `${action} ${entity_type}`

/** What one request leaves behind: the events that carry its id, oldest first. */
const trail = async (call: Call, asker: Call, method: string, path: string, body?: unknown) => {
  const id = `request-${Math.random()}`
  const answer = await asker(method, path, body, { 'x-request-id': id })
  return { answer, left: (await events(call)).filter(({ request_id }) => request_id === id).reverse() }
}

test('every write of every route leaves its events, with who asked and in which request', async () => {
  const { call, id } = await app.organization()
  const key = (await events(call)).find(({ entity_type }) => entity_type === 'api_key')?.entity_id
  const steps: [string, string, unknown, string[]][] = [
    ['POST', '/agents', { id: 'a', name: 'A' }, ['create agent']],
    ['PATCH', '/agents/a', { name: 'B' }, ['update agent']],
    ['POST', '/agents/counters/n/increment', { by: 2 }, ['create counter']],
    ['POST', '/agents/counters/n/increment', { by: 2 }, ['update counter']],
    [
      'POST',
      '/conversations',
      { id: 'c', agent_id: 'a', messages: [{ role: 'user', content: 'x' }] },
      ['create conversation', 'create message'],
    ],
    ['POST', '/conversations/c/messages', { role: 'user', content: 'y' }, ['create message', 'update conversation']],
    ['PATCH', '/conversations/c', { metadata: { a: 1 } }, ['update conversation']],
    ['DELETE', '/conversations/c', undefined, ['remove conversation', 'remove message', 'remove message']],
    ['DELETE', '/agents/a', undefined, ['remove agent']],
    ['POST', '/agents', { id: 'a', name: 'Again' }, ['create agent']],
    ['POST', '/organizations/users', { id: 'u', email: 'audited@example.com', password: 'correct horse battery' }, ['create user']],
    ['PATCH', '/organizations/users/u', { name: 'U' }, ['update user']],
    ['POST', '/organizations/api-keys', { name: 'k', role: 'viewer' }, ['create api_key']],
    ['PATCH', '/organizations/me', { settings: { a: 1 } }, ['update organization']],
  ]
  for (const [method, path, body, expected] of steps) {
    const { answer, left } = await trail(call, call, method, path, body)
    expect([path, answer.status < 300, left.map(brief).sort()]).toEqual([path, true, expected])
    for (const event of left) expect(event.actor).toBe(`key:${key}`)
  }
  const { answer, left } = await trail(call, app.as(undefined), 'POST', '/organizations/sessions', {
    email: 'audited@example.com',
    password: 'correct horse battery',
  })
  expect(left.map(one => [brief(one), one.actor])).toEqual([['create session', 'user:u']])
  const out = await trail(call, app.as(answer.body.token), 'DELETE', '/organizations/sessions/current')
  expect(out.left.map(brief)).toEqual(['remove session'])
  expect(out.left[0]?.actor).toBe(`session:${left[0]?.entity_id}`)
  const spare = (await call('GET', '/organizations/api-keys')).body.items.find((one: { role: string }) => one.role === 'viewer').id
  expect((await trail(call, call, 'DELETE', `/organizations/api-keys/${spare}`)).left.map(brief)).toEqual(['update api_key'])
  expect((await trail(call, call, 'DELETE', '/organizations/users/u')).left.map(brief)).toEqual(['remove user'])
  const founding = (await events(call)).filter(({ actor }) => actor === 'admin')
  expect(founding.map(one => [brief(one), one.entity_id]).sort()).toEqual([
    ['create api_key', key],
    ['create organization', id],
  ])
})

test('an event of an update holds what it changed, as it was and as it became, and no more', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { id: 'a', name: 'A', configuration: { x: 1 } })
  const { left } = await trail(call, call, 'PATCH', '/agents/a', { name: 'B', configuration: null, status: 'active' })
  expect(left).toMatchObject([{ action: 'update', entity_type: 'agent', entity_id: 'a' }])
  expect([left[0]?.before, left[0]?.after]).toEqual([
    { name: 'A', configuration: { x: 1 } },
    { name: 'B', configuration: null },
  ])
  const { left: none } = await trail(call, call, 'PATCH', '/agents/a', { name: 'B' })
  expect(none).toEqual([])
})

test('a failed write leaves no event, and neither does reading', async () => {
  const { call } = await app.organization()
  const { body } = await call('POST', '/agents', { id: 'a', name: 'A' })
  const viewer = app.as((await call('POST', '/organizations/api-keys', { name: 'v', role: 'viewer' })).body.secret)
  await viewer('GET', '/agents')
  const before = await events(call)
  for (const [asker, method, path, sent, headers] of [
    [call, 'POST', '/agents', { id: 'a', name: 'Taken' }],
    [call, 'POST', '/agents', { name: '' }],
    [call, 'PATCH', '/agents/a', { name: 'Late' }, { 'if-match': `"${body.version + 1}"` }],
    [call, 'PATCH', '/agents/b', { name: 'Missing' }],
    [call, 'DELETE', '/agents/b', undefined],
    [call, 'POST', '/conversations', { agent_id: 'b' }],
    [viewer, 'POST', '/agents', { name: 'Forbidden' }],
    [viewer, 'GET', '/agents', undefined],
    [app.as(undefined), 'POST', '/agents', { name: 'Nobody' }],
  ] as [Call, string, string, unknown, Record<string, string>?][])
    await asker(method, path, sent, headers)
  expect(await events(call)).toEqual(before)
})

test('secrets leave a mark in the audit and never their value', async () => {
  const { call, key } = await app.organization()
  await call('POST', '/organizations/users', { id: 'u', email: 'secretive@example.com', password: 'correct horse battery' })
  await call('PATCH', '/organizations/users/u', { password: 'another horse battery' })
  const [changed, made] = await events(call, '&entity_type=user')
  expect(made?.after).toMatchObject({ email: 'secretive@example.com', password_hash: '[redacted]' })
  expect([changed?.before, changed?.after]).toEqual([{ password_hash: '[redacted]' }, { password_hash: '[redacted]' }])
  expect((await events(call, '&entity_type=api_key'))[0]?.after).toMatchObject({ secret_hash: '[redacted]' })
  const text = JSON.stringify(await events(call))
  expect([text.includes('scrypt$'), text.includes('horse'), text.includes(key.slice(-36))]).toEqual([false, false, false])
})

test('events are filtered by each of their sides, by time, and over pages', async () => {
  const { call } = await app.organization()
  for (const id of ['a', 'b', 'c']) await call('POST', '/agents', { id, name: id })
  await call('DELETE', '/agents/b')
  const all = await events(call)
  const matching = async (query: string) => (await events(call, query)).map(({ action, entity_id }) => `${action} ${entity_id}`)
  expect(await matching('&entity_type=agent')).toEqual(['remove b', 'create c', 'create b', 'create a'])
  expect(await matching('&entity_type=agent&entity_id=b')).toEqual(['remove b', 'create b'])
  expect(await matching('&action=remove')).toEqual(['remove b'])
  expect((await matching('&actor=admin')).length).toBe(2)
  expect(await matching('&actor=nobody')).toEqual([])
  const time = encodeURIComponent(all[1]?.created_at as string)
  expect((await matching(`&from=${time}`)).length).toBeGreaterThanOrEqual(2)
  expect(await matching(`&from=${time}&to=${time}`)).toEqual([])
  expect((await matching(`&to=${time}`)).length).toBe(all.length - (await matching(`&from=${time}`)).length)
  const first = (await call('GET', '/audit/events?limit=4')).body
  const second = (await call('GET', `/audit/events?limit=200&cursor=${first.next_cursor}`)).body
  expect([...first.items, ...second.items]).toEqual(all)
})

test('the audit is for admins, and shows nothing of another organization', async () => {
  const mine = await app.organization()
  const theirs = await app.organization()
  await mine.call('POST', '/agents', { id: 'mine', name: 'Mine' })
  expect(JSON.stringify(await events(theirs.call))).not.toContain(mine.id)
  const member = app.as((await mine.call('POST', '/organizations/api-keys', { name: 'm', role: 'member' })).body.secret)
  expect((await member('GET', '/audit/events')).status).toBe(403)
})

test('an export is every event, oldest first, a line each, and is filtered as the list is', async () => {
  const { call, id } = await app.organization()
  for (const agent of ['a', 'b']) await call('POST', '/agents', { id: agent, name: agent })
  const exported = async (query = '') => {
    const { status, headers, text } = await call('GET', `/audit/export${query}`)
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson'])
    return text.split('\n').slice(0, -1)
  }
  expect((await exported()).map(line => JSON.parse(line))).toEqual((await events(call)).reverse())
  expect((await exported('?entity_type=agent&entity_id=b')).map(line => JSON.parse(line).after.name)).toEqual(['b'])
  expect(await exported('?actor=nobody')).toEqual([])
  await app.database.sql(
    `insert into audit_events (organization_id, actor, action, entity_type, entity_id)
    select $1, 'admin', 'create', 'line', n from generate_series(1, 2500) n`,
    [id],
  )
  const lines = (await exported('?entity_type=line')).map(line => JSON.parse(line).entity_id)
  expect(lines).toEqual(Array.from({ length: 2500 }, (_, n) => String(n + 1)))
})
