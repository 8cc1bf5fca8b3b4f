import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
let call: Call
const PASSWORD = 'correct horse battery'
const SESSIONS = '/organizations/sessions'
beforeAll(async () => {
  app = await run()
  call = (await app.organization()).call
})
afterAll(() => app.stop())

const user = async (name: string, more: object = {}) =>
  (await call('POST', '/organizations/users', { email: `${name}@example.com`, password: PASSWORD, ...more })).body
const login = (email: string, password = PASSWORD) => app.as(undefined)('POST', SESSIONS, { email, password })

test('a login gives a session of the role of its user, until he logs out', async () => {
  const ann = await user('ann', { role: 'viewer' })
  const { status, body } = await login('ANN@example.com')
  expect([status, body.user]).toEqual([201, ann])
  expect(Date.parse(body.expires_at)).toBeGreaterThan(Date.now())
  const mine = app.as(body.token)
  expect((await mine('GET', '/agents')).status).toBe(200)
  expect((await mine('POST', '/agents', { name: 'x' })).status).toBe(403)
  expect((await mine('DELETE', `${SESSIONS}/current`)).status).toBe(204)
  expect((await mine('GET', '/agents')).status).toBe(401)
})

test('a wrong password, a wrong address and a user without password answer alike', async () => {
  await user('bob')
  await user('mute', { password: undefined })
  const answers = [
    await login('bob@example.com', 'wrong horse battery'),
    await login('nobody@example.com'),
    await login('mute@example.com'),
  ]
  for (const { status, body } of answers) expect([status, body.detail]).toEqual([401, answers[0]?.body.detail])
})

test('a suspended user neither logs in nor goes on', async () => {
  const { id } = await user('carol')
  const { token } = (await login('carol@example.com')).body
  await call('PATCH', `/organizations/users/${id}`, { status: 'suspended' })
  expect((await app.as(token)('GET', '/agents')).status).toBe(401)
  expect((await login('carol@example.com')).status).toBe(401)
})

test('all sessions of a user end at once, and those of others stay', async () => {
  const { id } = await user('dave')
  await user('eve')
  const mine = [await login('dave@example.com'), await login('dave@example.com')].map(({ body }) => app.as(body.token))
  const other = app.as((await login('eve@example.com')).body.token)
  expect((await call('DELETE', `/organizations/users/${id}/sessions`)).status).toBe(204)
  for (const one of mine) expect((await one('GET', '/agents')).status).toBe(401)
  expect((await other('GET', '/agents')).status).toBe(200)
  expect((await call('DELETE', '/organizations/users/nobody/sessions')).status).toBe(404)
})

test('an API key has no session to end', async () => {
  expect((await call('DELETE', `${SESSIONS}/current`)).status).toBe(404)
  expect((await call('GET', '/agents')).status).toBe(200)
})

test('an expired session is none', async () => {
  await user('frank')
  const { token } = (await login('frank@example.com')).body
  await app.database.sql(`update sessions set expires_at = now() - interval '1 second'`)
  expect((await app.as(token)('GET', '/agents')).status).toBe(401)
  await app.database.sql(`update sessions set expires_at = now() + interval '1 day', absolute_expires_at = now() - interval '1 second'`)
  expect((await app.as(token)('GET', '/agents')).status).toBe(401)
})

test('a removed password ends logins, a new one begins them', async () => {
  const { id } = await user('gina')
  await call('PATCH', `/organizations/users/${id}`, { password: null })
  expect((await login('gina@example.com')).status).toBe(401)
  await call('PATCH', `/organizations/users/${id}`, { password: 'another horse battery' })
  expect((await login('gina@example.com')).status).toBe(401)
  expect((await login('gina@example.com', 'another horse battery')).status).toBe(201)
})

test('an address takes ten attempts a minute, whatever their outcome, and then says when to come back', async () => {
  const attempts = await Promise.all(Array.from({ length: 21 }, (_, n) => login(n % 2 ? 'guess@example.com' : 'GUESS@example.com')))
  const refused = attempts.filter(({ status }) => status === 429)
  // The clock may turn to the next minute once on the way: then a second ten are let through.
  expect(refused.length).toBeGreaterThan(0)
  expect(attempts.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(10)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(refused[0]?.body.code).toBe('rate_limited')
})

test('one address may try so many logins a minute, whatever the accounts', async () => {
  const from = { 'x-forwarded-for': '203.0.113.9' }
  const tries = (email: string, headers: Record<string, string>) =>
    app.as(undefined)('POST', SESSIONS, { email, password: 'wrong' }, headers)
  // Most are refused for their one account already: cheap, and counted all the same.
  const attempts = await Promise.all(Array.from({ length: 121 }, () => tries('one@example.com', from)))
  expect(attempts.filter(({ body }) => body.detail === 'more than 60 requests a minute').length).toBeGreaterThan(0)
  expect((await tries('other@example.com', { 'x-forwarded-for': '203.0.113.10' })).status).toBe(401)
})
