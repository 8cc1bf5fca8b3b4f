import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

test('an agent is created, read, changed and removed', async () => {
  const { call, id: organization_id } = await app.organization()
  const created = await call('POST', '/agents', { name: 'Concierge', configuration: { tone: 'warm' } })
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe(`/agents/${created.body.id}`)
  expect(created.body).toMatchObject({
    organization_id,
    name: 'Concierge',
    industry: null,
    configuration: { tone: 'warm' },
    status: 'active',
  })

  const path = `/agents/${created.body.id}`
  const read = await call('GET', path)
  expect(read.status).toBe(200)
  expect(read.body).toEqual(created.body)
  expect(read.headers.get('etag')).toBe(`"${created.body.version}"`)

  const changed = await call('PATCH', path, { status: 'paused' }, { 'if-match': `"${created.body.version}"` })
  expect(changed.status).toBe(200)
  expect(changed.body).toMatchObject({ status: 'paused', name: 'Concierge', created_at: created.body.created_at })
  expect(changed.body.version).toBeGreaterThan(created.body.version)

  expect((await call('PATCH', path, { name: 'Late' }, { 'if-match': `"${created.body.version}"` })).status).toBe(412)
  expect((await call('DELETE', path)).status).toBe(204)
  expect((await call('GET', path)).status).toBe(404)
  expect((await call('DELETE', path)).status).toBe(404)
})

test('a number keeps every digit on its way in and out', async () => {
  const { call } = await app.organization()
  const configuration = '{"big":12345678901234567890,"odd":9007199254740993,"tenth":0.1,"__proto__":{"a":1}}'
  const created = await call('POST', '/agents', `{"name":"Exact","configuration":${configuration}}`)
  expect(created.status).toBe(201)
  for (const part of ['12345678901234567890', '9007199254740993', '0.1', '"__proto__"']) expect(created.text).toContain(part)
})

test('an agent of another organization does not exist', async () => {
  const mine = await app.organization()
  const other = await app.organization()
  const { body } = await mine.call('POST', '/agents', { name: 'Mine' })
  for (const [method, patch] of [['GET'], ['PATCH', { name: 'Theirs' }], ['DELETE']] as const)
    expect((await other.call(method, `/agents/${body.id}`, patch)).status).toBe(404)
  expect((await mine.call('GET', `/agents/${body.id}`)).body.name).toBe('Mine')
})

test('an id that is a word of its own path is refused', async () => {
  const { call } = await app.organization()
  for (const id of ['counters', 'health', 'openapi.json', 'agents']) {
    const { status, body } = await call('POST', '/agents', { id, name: 'Unreachable' })
    expect([status, body.errors?.[0].path]).toEqual([400, 'id'])
  }
})
