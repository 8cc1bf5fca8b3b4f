import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const KEYS = '/organizations/api-keys'

test('the secret of a key is shown once, and is kept nowhere', async () => {
  const { call } = await app.organization()
  const { status, body } = await call('POST', KEYS, { name: 'CI', role: 'member' })
  expect([status, body.role, body.revoked_at]).toEqual([201, 'member', null])
  expect(body.secret.startsWith(body.prefix)).toBe(true)
  const listed = await call('GET', KEYS)
  expect(listed.body.items).toHaveLength(2)
  expect(listed.text).not.toContain(body.secret.slice(-36))
  expect(listed.text).not.toMatch(/secret|hash/)
  const stored = await app.database.sql<{ text: string }>(
    'select k::text as text from api_keys k union all select e::text from audit_events e',
  )
  expect(stored.length).toBeGreaterThan(2)
  expect(stored.filter(({ text }) => text.includes(body.secret.slice(-36)))).toEqual([])
})

test('nobody makes a key that outranks him', async () => {
  const { call } = await app.organization()
  const admin = app.as((await call('POST', KEYS, { name: 'a', role: 'admin' })).body.secret)
  const member = app.as((await call('POST', KEYS, { name: 'm', role: 'member' })).body.secret)
  expect((await admin('POST', KEYS, { name: 'x', role: 'owner' })).status).toBe(403)
  expect((await admin('POST', KEYS, { name: 'x', role: 'admin' })).status).toBe(201)
  expect((await member('POST', KEYS, { name: 'x', role: 'viewer' })).status).toBe(403)
  expect((await member('GET', KEYS)).status).toBe(403)
})

test('a key ends when it said it would', async () => {
  const { call } = await app.organization()
  const past = (await call('POST', KEYS, { name: 'past', role: 'viewer', expires_at: '2020-01-01T00:00:00Z' })).body
  const future = (await call('POST', KEYS, { name: 'future', role: 'viewer', expires_at: '2099-01-01T01:00:00+01:00' })).body
  expect(future.expires_at).toBe('2099-01-01T00:00:00.000Z')
  expect((await app.as(past.secret)('GET', '/organizations/me')).status).toBe(401)
  expect((await app.as(future.secret)('GET', '/organizations/me')).status).toBe(200)
})

test('a revoked key answers 401 at its next use, and cannot be revoked again', async () => {
  const { call } = await app.organization()
  const { id, secret } = (await call('POST', KEYS, { name: 'x', role: 'viewer' })).body
  const mine = app.as(secret)
  expect((await mine('GET', '/agents')).status).toBe(200)
  expect((await call('DELETE', `${KEYS}/${id}`)).status).toBe(204)
  expect((await mine('GET', '/agents')).status).toBe(401)
  expect((await call('DELETE', `${KEYS}/${id}`)).status).toBe(404)
  const [listed] = (await call('GET', KEYS)).body.items
  expect([listed.id, typeof listed.revoked_at, typeof listed.last_used_at]).toEqual([id, 'string', 'string'])
})

test('nobody revokes a key that outranks him', async () => {
  const { call } = await app.organization()
  const admin = app.as((await call('POST', KEYS, { name: 'a', role: 'admin' })).body.secret)
  const owner = await call('POST', KEYS, { name: 'o', role: 'owner' })
  expect((await admin('DELETE', `${KEYS}/${owner.body.id}`)).status).toBe(403)
  expect((await call('DELETE', `${KEYS}/${owner.body.id}`)).status).toBe(204)
})

test('a key of another organization cannot be revoked', async () => {
  const mine = await app.organization()
  const theirs = await app.organization()
  const { id, secret } = (await mine.call('POST', KEYS, { name: 'x', role: 'viewer' })).body
  expect((await theirs.call('DELETE', `${KEYS}/${id}`)).status).toBe(404)
  expect((await app.as(secret)('GET', '/organizations/me')).status).toBe(200)
})

test('the keys that a user made end with him, are held while he is suspended, and never outrank him', async () => {
  const owner_email = 'keys.owner@example.com'
  const founded = (await app.admin('POST', '/organizations', { name: 'Acme', owner_email })).body
  const first = app.as(founded.api_key.secret)
  const path = `/organizations/users/${founded.user.id}`
  const second = app.as((await first('POST', KEYS, { name: 'his', role: 'owner' })).body.secret)
  const spare = (await first('POST', '/organizations/users', { email: 'keys.spare@example.com', role: 'owner' })).body
  expect((await second('PATCH', path, { role: 'member' })).status).toBe(200)
  expect((await second('GET', '/agents')).status).toBe(200)
  expect((await second('GET', KEYS)).status).toBe(403)
  await app.database.sql('update users set role = $2 where id = $1', [founded.user.id, 'owner'])
  await app.database.sql('update users set status = $2 where id = $1', [founded.user.id, 'suspended'])
  expect((await first('GET', '/agents')).status).toBe(401)
  await app.database.sql('update users set status = $2 where id = $1', [founded.user.id, 'active'])
  expect((await first('GET', '/agents')).status).toBe(200)
  expect(spare.role).toBe('owner')
  expect((await second('DELETE', path)).status).toBe(204)
  expect((await first('GET', '/agents')).status).toBe(401)
  expect((await second('GET', '/agents')).status).toBe(401)
})

test('keys are listed newest first over pages', async () => {
  const { call } = await app.organization()
  const ids: string[] = []
  for (const name of ['a', 'b', 'c']) ids.unshift((await call('POST', KEYS, { name, role: 'viewer' })).body.id)
  const first = (await call('GET', `${KEYS}?limit=2`)).body
  const second = (await call('GET', `${KEYS}?limit=2&cursor=${first.next_cursor}`)).body
  expect([...first.items, ...second.items].map(({ id }) => id).slice(0, 3)).toEqual(ids)
  expect([second.items.length, second.next_cursor]).toEqual([2, null])
})

test('a time that UTC has no year of four digits for is refused, not rounded into one', async () => {
  const { call } = await app.organization()
  const made = async (expires_at: string) => (await call('POST', KEYS, { name: 'x', role: 'viewer', expires_at })).status
  for (const time of ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59-00:01', '0001-01-01T00:00:00+00:01', '0000-01-01T00:00:00Z'])
    expect([time, await made(time)]).toEqual([time, 400])
  expect([await made('9999-12-31T23:59:59.99Z'), await made('0001-01-01T00:00:00Z')]).toEqual([201, 201])
})
