import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

let made = 0
const email = () => `user${++made}@example.com`
const key = async (call: Call, role: string): Promise<Call> =>
  app.as((await call('POST', '/organizations/api-keys', { name: role, role })).body.secret)
const create = (call: Call, user: object = {}) => call('POST', '/organizations/users', { email: email(), ...user })

test('a user is created, read, listed, changed and removed, and his password is never answered', async () => {
  const { call, id: organization_id } = await app.organization()
  const address = email()
  const created = await create(call, { email: address, name: 'Ann', password: 'correct horse battery' })
  expect(created.status).toBe(201)
  expect(created.body).toMatchObject({ organization_id, email: address, name: 'Ann', role: 'member', status: 'active' })
  const path = `/organizations/users/${created.body.id}`
  expect(created.headers.get('location')).toBe(path)
  expect((await call('GET', path)).body).toEqual(created.body)
  expect((await call('GET', '/organizations/users')).body.items).toEqual([created.body])
  const changed = await call('PATCH', path, { name: null, role: 'viewer' }, { 'if-match': `"${created.body.version}"` })
  expect(changed.body).toMatchObject({ name: null, role: 'viewer', email: address })
  expect((await call('DELETE', path, undefined, { 'if-match': `"${created.body.version}"` })).status).toBe(412)
  expect((await call('DELETE', path)).status).toBe(204)
  expect((await call('GET', path)).status).toBe(404)
  expect([created, changed].map(({ text }) => /password|scrypt/.test(text))).toEqual([false, false])
})

test('an e-mail address is taken everywhere, upper and lower case alike, and free after its user', async () => {
  const mine = await app.organization()
  const theirs = await app.organization()
  const address = email()
  const first = await create(mine.call, { email: address })
  const again = await create(theirs.call, { email: address.toUpperCase() })
  expect(again.status).toBe(409)
  expect(again.text).not.toContain(mine.id)
  const other = await create(theirs.call)
  expect((await theirs.call('PATCH', `/organizations/users/${other.body.id}`, { email: address })).status).toBe(409)
  await mine.call('DELETE', `/organizations/users/${first.body.id}`)
  expect((await create(theirs.call, { email: address })).status).toBe(201)
})

test('the last active owner can be neither removed nor demoted nor suspended; the last but one can', async () => {
  const { call } = await app.organization()
  const one = `/organizations/users/${(await create(call, { role: 'owner' })).body.id}`
  const two = `/organizations/users/${(await create(call, { role: 'owner', status: 'suspended' })).body.id}`
  for (const patch of [{ role: 'admin' }, { status: 'suspended' }, { role: 'viewer', name: 'x' }])
    expect((await call('PATCH', one, patch)).status).toBe(409)
  expect((await call('DELETE', one)).status).toBe(409)
  expect((await call('PATCH', one, { name: 'Still here', role: 'owner', status: 'active' })).status).toBe(200)
  expect((await call('PATCH', two, { status: 'active' })).status).toBe(200)
  expect((await call('DELETE', one)).status).toBe(204)
  expect((await call('PATCH', two, { role: 'member' })).status).toBe(409)
})

test('an admin makes and changes whom he outranks or equals, and neither makes nor touches an owner', async () => {
  const { call } = await app.organization()
  const admin = await key(call, 'admin')
  const owner = `/organizations/users/${(await create(call, { role: 'owner' })).body.id}`
  await create(call, { role: 'owner' })
  const member = `/organizations/users/${(await create(admin)).body.id}`
  expect((await create(admin, { role: 'owner' })).status).toBe(403)
  expect((await create(admin, { role: 'admin' })).status).toBe(201)
  expect((await admin('PATCH', member, { role: 'admin' })).status).toBe(200)
  expect((await admin('PATCH', member, { role: 'owner' })).status).toBe(403)
  for (const patch of [{ name: 'x' }, { role: 'viewer' }, { status: 'suspended' }, { password: 'correct horse battery' }])
    expect((await admin('PATCH', owner, patch)).status).toBe(403)
  expect((await admin('DELETE', owner)).status).toBe(403)
  expect((await admin('DELETE', `${owner}/sessions`)).status).toBe(403)
  expect((await admin('GET', owner)).body).toMatchObject({ role: 'owner', status: 'active', name: null })
})

test.each(['viewer', 'member'])('a %s reads users and changes none', async role => {
  const { call } = await app.organization()
  const { body } = await create(call)
  const low = await key(call, role)
  expect((await low('GET', '/organizations/users')).status).toBe(200)
  expect((await low('GET', `/organizations/users/${body.id}`)).status).toBe(200)
  expect((await create(low)).status).toBe(403)
  expect((await low('PATCH', `/organizations/users/${body.id}`, { name: 'x' })).status).toBe(403)
  expect((await low('DELETE', `/organizations/users/${body.id}`)).status).toBe(403)
  expect((await low('DELETE', `/organizations/users/${body.id}/sessions`)).status).toBe(403)
})

test('a viewer reads agents and writes none; a member writes them', async () => {
  const { call } = await app.organization()
  const viewer = await key(call, 'viewer')
  const member = await key(call, 'member')
  const agent = await member('POST', '/agents', { name: 'A' })
  expect(agent.status).toBe(201)
  expect((await viewer('GET', `/agents/${agent.body.id}`)).status).toBe(200)
  for (const [method, path, body] of [
    ['POST', '/agents', { name: 'B' }],
    ['PATCH', `/agents/${agent.body.id}`, { name: 'B' }],
    ['DELETE', `/agents/${agent.body.id}`, undefined],
    ['POST', '/agents/counters/n/increment', {}],
    ['POST', '/conversations', { agent_id: agent.body.id }],
  ] as const)
    expect([path, (await viewer(method, path, body)).status]).toEqual([path, 403])
})

test('a user of another organization does not exist', async () => {
  const mine = await app.organization()
  const theirs = await app.organization()
  const { body } = await create(mine.call)
  const path = `/organizations/users/${body.id}`
  expect((await theirs.call('GET', path)).status).toBe(404)
  expect((await theirs.call('PATCH', path, { name: 'x' })).status).toBe(404)
  expect((await theirs.call('DELETE', path)).status).toBe(404)
  expect((await theirs.call('DELETE', `${path}/sessions`)).status).toBe(404)
  expect((await theirs.call('GET', '/organizations/users')).body.items).toEqual([])
})

test('a wrong address, role or password is named', async () => {
  const { call } = await app.organization()
  for (const [field, value] of [
    ['email', 'nobody'],
    ['email', `${'x'.repeat(250)}@example.com`],
    ['role', 'root'],
    ['status', 'gone'],
    ['password', 'short'],
    ['name', ''],
  ]) {
    const { status, body } = await create(call, { [field as string]: value })
    expect([status, body.errors.map(({ path }: { path: string }) => path)]).toEqual([400, [field]])
  }
})
