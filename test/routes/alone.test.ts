import { afterAll, beforeAll, expect, test } from 'vitest'
import { newKey } from '../../functions/organizations/found.ts'
import { postgresOrganizations } from '../../functions/organizations/postgres.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
let key: string
beforeAll(async () => {
  app = await run({}, 'agents')
  const at = new Date().toISOString()
  const { secret, row } = newKey('org', 'key', 'owner', null, at)
  const scope = { organization_id: 'org', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } } as const
  await postgresOrganizations(app.shared.db).found(scope, { id: 'org', name: 'Acme', at }, undefined, row)
  key = secret
})
afterAll(() => app.stop())

test('a function alone answers with and without its own name in front', async () => {
  const call = app.as(key)
  const created = await call('POST', '/', { id: 'a', name: 'A' })
  expect([created.status, created.headers.get('location')]).toEqual([201, '/agents/a'])
  for (const path of ['/a', '/agents/a']) expect([path, (await call('GET', path)).body]).toEqual([path, created.body])
  expect((await call('GET', '/agents')).body.items).toEqual([created.body])
  expect((await call('GET', '/')).body.items).toEqual([created.body])
  expect((await call('GET', '/counters')).body.items).toEqual([])
  expect((await call('POST', '/agents/counters/n/increment')).status).toBe(200)
})

test('a function alone tells its health and describes itself, and knows no other function', async () => {
  const call = app.as(undefined)
  for (const path of ['/health/ready', '/agents/health/live']) expect([path, (await call('GET', path)).status]).toEqual([path, 200])
  for (const path of ['/openapi.json', '/agents/openapi.json'])
    expect(Object.keys((await call('GET', path)).body.paths)).toContain('/agents/counters/{name}')
  expect((await app.as(key)('GET', '/organizations/me')).status).toBe(404)
  expect((await app.as(key)('GET', '/conversations')).status).toBe(404)
})

test('no id hides behind the name of its function', async () => {
  expect((await app.as(key)('POST', '/', { id: 'agents', name: 'A' })).status).toBe(400)
})
