import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

let made = 0
const email = () => `owner${++made}@example.com`

test('an organization is created with its first key, and without an owner when none is named', async () => {
  const { status, headers, body } = await app.admin('POST', '/organizations', { name: 'Acme' })
  expect(status).toBe(201)
  expect(headers.get('location')).toBe('/organizations/me')
  expect(body).toMatchObject({ organization: { name: 'Acme', settings: {} }, user: null })
  const me = await app.as(body.api_key.secret)('GET', '/organizations/me')
  expect([me.status, me.body]).toEqual([200, body.organization])
  expect(me.headers.get('etag')).toBe(`"${me.body.version}"`)
})

test('an owner that is named is made with it, and the first key is his', async () => {
  const owner_email = email()
  const { body } = await app.admin('POST', '/organizations', { name: 'Acme', owner_email })
  expect(body.user).toMatchObject({ email: owner_email, role: 'owner', status: 'active', organization_id: body.organization.id })
  expect(JSON.stringify(body.user)).not.toContain('password')
  const keys = await app.as(body.api_key.secret)('GET', '/organizations/api-keys')
  expect(keys.body.items).toMatchObject([{ id: body.api_key.id, user_id: body.user.id, role: 'owner' }])
})

test('a taken id or owner address is a conflict, and nothing of the second is made', async () => {
  const owner_email = email()
  const { id } = await app.organization('taken / id')
  expect(id).toBe('taken / id')
  expect((await app.admin('POST', '/organizations', { name: 'Again', id })).status).toBe(409)
  expect((await app.admin('POST', '/organizations', { name: 'First', owner_email })).status).toBe(201)
  const second = await app.admin('POST', '/organizations', { name: 'Second', id: 'second', owner_email: owner_email.toUpperCase() })
  expect(second.status).toBe(409)
  expect((await app.admin('POST', '/organizations', { name: 'Second', id: 'second' })).status).toBe(201)
})

test('each credential opens its own routes only', async () => {
  const { key } = await app.organization()
  const asNobody = app.as(undefined)
  const status = async (call: typeof asNobody, method: string, path: string, body?: unknown) => (await call(method, path, body)).status
  expect(await status(app.as(key), 'POST', '/organizations', { name: 'No' })).toBe(403)
  expect(await status(app.as(key), 'GET', '/metrics')).toBe(403)
  expect(await status(app.admin, 'GET', '/organizations/me')).toBe(403)
  expect(await status(app.admin, 'GET', '/agents')).toBe(403)
  expect(await status(asNobody, 'POST', '/organizations', { name: 'No' })).toBe(401)
  expect(await status(asNobody, 'GET', '/organizations/me')).toBe(401)
  for (const wrong of ['x', `${key}x`, key.slice(0, -1), 'ah_', `ah_AA_${'A'.repeat(43)}`, `ah_${'_'.repeat(20)}_${'A'.repeat(43)}`]) {
    const answer = await app.as(wrong)('GET', '/organizations/me')
    expect([wrong, answer.status, answer.headers.get('www-authenticate')]).toEqual([wrong, 401, 'Bearer'])
  }
})

test('a key of one organization with the name of another in it is unknown', async () => {
  const mine = await app.organization()
  const theirs = await app.organization()
  const forged = `ah_${Buffer.from(theirs.id).toString('base64url')}_${mine.key.slice(-43)}`
  expect((await app.as(forged)('GET', '/organizations/me')).status).toBe(401)
})

test('an organization is renamed and its settings replaced, by its owner and its present version', async () => {
  const { call } = await app.organization()
  const { body } = await call('GET', '/organizations/me')
  const ifMatch = { 'if-match': `"${body.version}"` }
  const changed = await call('PATCH', '/organizations/me', { name: 'New', settings: { a: { b: 1 } } }, ifMatch)
  expect(changed.body).toMatchObject({ name: 'New', settings: { a: { b: 1 } }, created_at: body.created_at })
  expect((await call('PATCH', '/organizations/me', { name: 'Late' }, ifMatch)).status).toBe(412)
  expect((await call('PATCH', '/organizations/me', { settings: {} })).body).toMatchObject({ name: 'New', settings: {} })
  const admin = await call('POST', '/organizations/api-keys', { name: 'admin', role: 'admin' })
  expect((await app.as(admin.body.secret)('PATCH', '/organizations/me', { name: 'No' })).status).toBe(403)
  expect((await app.as(admin.body.secret)('DELETE', '/organizations/me')).status).toBe(403)
})

test('after an organization is removed its keys and sessions answer 401, its address is free and its id is not', async () => {
  const owner_email = email()
  const { body } = await app.admin('POST', '/organizations', { name: 'Acme', owner_email })
  const { id } = body.organization
  const call = app.as(body.api_key.secret)
  await call('PATCH', `/organizations/users/${body.user.id}`, { password: 'correct horse battery' })
  const login = await app.as(undefined)('POST', '/organizations/sessions', { email: owner_email, password: 'correct horse battery' })
  const viewer = (await call('POST', '/organizations/api-keys', { name: 'v', role: 'viewer' })).body.secret
  expect((await call('DELETE', '/organizations/me', undefined, { 'if-match': '"1"' })).status).toBe(412)
  expect((await call('GET', '/organizations/me')).status).toBe(200)
  expect((await call('DELETE', '/organizations/me')).status).toBe(204)
  for (const token of [body.api_key.secret, viewer, login.body.token])
    expect((await app.as(token)('GET', '/organizations/me')).status).toBe(401)
  expect((await app.admin('POST', '/organizations', { name: 'Again', id })).status).toBe(409)
  expect((await app.admin('POST', '/organizations', { name: 'Other', owner_email })).status).toBe(201)
  const events = await app.database.sql('select from audit_events where organization_id = $1', [id])
  expect(events.length).toBeGreaterThan(3)
})
