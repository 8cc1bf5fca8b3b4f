import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Role, roles } from '../../shared/roles.ts'
import { requestFor } from '../support/everyroute.ts'
import { type Call, type Running, run } from '../support/http.ts'
import { type Operation, operationsOf } from '../support/operations.ts'
import { type Got, rawClient } from '../support/raw.ts'

const KEYS = '/organizations/api-keys'
const USERS = '/organizations/users'

let app: Running
let client: ReturnType<typeof rawClient>
let operations: Operation[]
let call: Call
let id: string
let keys: Record<Role, string>
beforeAll(async () => {
  app = await run()
  client = rawClient(app.url, 4)
  operations = operationsOf((await app.admin('GET', '/openapi.json')).body)
  const organization = await app.organization()
  call = organization.call
  id = organization.id
  const secretOf = async (role: Role) => (await call('POST', KEYS, { name: role, role })).body.secret as string
  keys = { viewer: await secretOf('viewer'), member: await secretOf('member'), admin: await secretOf('admin'), owner: organization.key }
})
afterAll(async () => {
  client.close()
  await app.stop()
})

/** -1 for what is no role of an organization. */
const rank = (role: string) => roles.indexOf(role as Role)
const ask = (operation: Operation, key: string, more: object = {}): Promise<Got> => {
  const request = requestFor(operation)
  return client.send({ ...request, ...more, headers: { ...request.headers, authorization: `Bearer ${key}` } })
}

test('every route refuses each role below its own, and no other', async () => {
  const wrong: string[] = []
  const last = (one: Operation) => Number(one.name === 'delete /organizations/me')
  const tenants = operations.filter(({ role }) => rank(role) >= 0).sort((a, b) => last(a) - last(b))
  for (const operation of tenants)
    for (const role of roles.toReversed()) {
      const below = rank(role) < rank(operation.role)
      if (role === 'owner' && last(operation)) continue // would end the organization: below
      const { status, text } = await ask(operation, keys[role])
      if (below ? status !== 403 : status === 401 || status === 403) wrong.push(`${operation.name} by ${role}: ${status} ${text}`)
    }
  expect(wrong).toEqual([])
})

test('no route writes for a viewer, no route of keys and users changes them for a member', () => {
  const weak = (least: Role, of: (name: string) => boolean) =>
    operations.filter(({ name, role }) => rank(role) >= 0 && rank(role) < rank(least) && of(name)).map(({ name }) => name)
  const writes = (name: string) => !name.startsWith('get ')
  const reading = ['/search', '/query', '/lookup']
  expect(weak('member', name => writes(name) && !reading.some(end => name.endsWith(end)))).toEqual([
    'delete /organizations/sessions/current',
  ])
  expect(weak('admin', name => writes(name) && /\/(users|api-keys)\b/.test(name))).toEqual([])
  expect(weak('admin', name => / \/audit\//.test(name) || name.includes(KEYS))).toEqual([])
  expect(weak('owner', name => writes(name) && name.endsWith('/me'))).toEqual([])
})

test('nobody raises himself, or takes over one who outranks him', async () => {
  const owner = (await call('POST', USERS, { email: `owner-${id}@example.org`, role: 'owner' })).body.id
  const key = (await call('POST', KEYS, { name: 'its', role: 'owner' })).body.id
  const admin = app.as(keys.admin)
  const attempts: [string, string, unknown?][] = [
    ['POST', KEYS, { name: 'x', role: 'owner' }],
    ['DELETE', `${KEYS}/${key}`],
    ['POST', USERS, { email: 'x@example.org', role: 'owner' }],
    ['PATCH', `${USERS}/${owner}`, { role: 'viewer' }],
    ['PATCH', `${USERS}/${owner}`, { email: 'mine@example.org' }],
    ['PATCH', `${USERS}/${owner}`, { password: 'a password of mine' }],
    ['PATCH', `${USERS}/${owner}`, { status: 'suspended' }],
    ['DELETE', `${USERS}/${owner}`],
    ['DELETE', `${USERS}/${owner}/sessions`],
    ['PATCH', '/organizations/me', { settings: {} }],
    ['DELETE', '/organizations/me'],
  ]
  for (const [method, path, body] of attempts) {
    const headers = method === 'POST' ? { 'idempotency-key': 'raise' } : {}
    expect([method, path, body, (await admin(method, path, body, headers)).status]).toEqual([method, path, body, 403])
  }
  const himself = (await admin('POST', USERS, { email: `admin-${id}@example.org`, role: 'admin' })).body.id
  expect((await admin('PATCH', `${USERS}/${himself}`, { role: 'owner' })).status).toBe(403)
})

test("what an owner's request made is answered again to no lower role than the route's own", async () => {
  const once = { 'idempotency-key': 'once' }
  expect((await call('POST', '/agents', { name: 'Once' }, once)).status).toBe(201)
  expect((await app.as(keys.viewer)('POST', '/agents', { name: 'Once' }, once)).status).toBe(403)
  expect((await app.as(keys.member)('POST', '/agents', { name: 'Once' }, once)).headers.get('idempotent-replayed')).toBe('true')
  const secret = await call('POST', KEYS, { name: 'secret', role: 'viewer' }, once)
  expect([secret.status, (await app.as(keys.admin)('POST', KEYS, { name: 'secret', role: 'viewer' }, once)).status]).toEqual([201, 422])
  const stranger = (await app.organization()).call
  expect((await stranger('POST', '/agents', { name: 'Once' }, once)).headers.get('idempotent-replayed')).toBeNull()
})

/** Other ways to write a path: some are the same route, most are none. */
const disguises: Record<string, (path: string) => string> = {
  'slashes doubled': path => path.replaceAll('/', '//'),
  'a slash at its end': path => `${path}/`,
  'a way round': path => path.replace(/^\/(\w+)/, '/openapi.json/../$1'),
  'a dot segment': path => `/.${path}`,
  'dots in percents': path => path.replace(/^\/(\w+)/, '/docs/%2e%2e/$1'),
  'slashes in percents': path => `/${path.slice(1).replaceAll('/', '%2f')}`,
  backslashes: path => path.replaceAll('/', '\\'),
  'a letter in percents': path => path.replace(/[a-z]/, one => `%${one.charCodeAt(0).toString(16)}`),
  capitals: path => path.toUpperCase(),
  'a semicolon': path => path.replace(/$/, ';/health/live'),
  NUL: path => `${path}%00`,
  'NUL before a public path': path => `${path}%00/health/live`,
  'a query for a path': path => `/health/live?${path}`,
  'a fragment': path => `/health/live#${path}`,
  'another host': path => `http://localhost${path}`,
  'its function twice': path => path.replace(/^(\/\w+)/, '$1$1'),
}

test('no way to write a path leads past its credential, or to a higher role', async () => {
  const wrong: string[] = []
  const open = [await client.send({ method: 'GET', path: '/health/live', headers: {} })].map(({ text }) => text)
  const guarded = operations.filter(({ role }) => role !== 'public')
  await Promise.all(
    guarded.map(async operation => {
      const { path } = requestFor(operation)
      for (const [what, disguised] of Object.entries(disguises)) {
        const { headers, ...request } = { ...requestFor(operation), path: disguised(path) }
        const nobody = await client.send({ ...request, headers })
        if (nobody.status < 400 && !open.includes(nobody.text)) wrong.push(`${operation.name} with ${what}, by nobody: ${nobody.status}`)
        if (rank(operation.role) === 0) continue
        const viewer = await client.send({ ...request, headers: { ...headers, authorization: `Bearer ${keys.viewer}` } })
        if (viewer.status < 400 && !open.includes(viewer.text)) wrong.push(`${operation.name} with ${what}, by a viewer: ${viewer.status}`)
      }
    }),
  )
  expect(wrong).toEqual([])
})

test('no header chooses an organization, a role, a method or an address of its own', async () => {
  const other = await app.organization()
  const headers = {
    ...{ 'x-organization-id': other.id, 'x-tenant-id': other.id, 'x-role': 'owner', 'x-user-id': 'admin', 'x-original-url': '/metrics' },
    ...{ 'x-rewrite-url': '/metrics', 'x-http-method-override': 'DELETE', 'x-forwarded-host': 'elsewhere.example' },
    ...{ 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1;host=elsewhere.example', 'x-real-ip': '127.0.0.1' },
  }
  const viewer = app.as(keys.viewer)
  expect((await viewer('GET', '/organizations/me', undefined, headers)).body.id).toBe(id)
  expect((await viewer('POST', '/agents', { name: 'x' }, headers)).status).toBe(403)
  const made = await call('POST', '/agents', { name: 'x' }, { ...headers, 'x-request-id': 'whose' })
  expect([made.status, made.body.organization_id, made.headers.get('location')]).toEqual([201, id, `/agents/${made.body.id}`])
  expect((await call('DELETE', '/agents/nobody', undefined, { ...headers, 'x-http-method-override': 'GET' })).status).toBe(404)
})

test('an owner may end the organization, and ends with it', async () => {
  const mine = await app.organization()
  expect([(await mine.call('DELETE', '/organizations/me')).status, (await mine.call('GET', '/organizations/me')).status]).toEqual([
    204, 401,
  ])
})
