import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Batch } from '../../shared/db/batch.ts'
import { runBehindProxy } from '../support/behind.ts'
import { examples, makeOne } from '../support/examples.ts'
import type { Answer, Call } from '../support/http.ts'
import { tenantRoutes } from '../support/routes.ts'

let app: Awaited<ReturnType<typeof runBehindProxy>>
beforeAll(async () => {
  app = await runBehindProxy({ DB_POOL_SIZE: '1', MIGRATION_STAGE_CACHE_SECONDS: '75' })
})
afterAll(() => app.stop())

/** The answer to one request, and its trips to the database. */
const counted = async (request: () => Promise<Answer>) => {
  await app.proxy.take()
  const { status, headers, text } = await request()
  const { flushes, client, server, connections } = await app.proxy.take()
  const trips = { flushes, syncs: client.S ?? 0, queries: client.Q ?? 0, flushRequests: client.H ?? 0, ready: server.Z ?? 0, connections }
  return { status, text, replayed: headers.get('idempotent-replayed'), trips }
}

const ONE_TRIP = { flushes: 1, syncs: 1, queries: 0, flushRequests: 0, ready: 1, connections: 0 }
/** The answer that a key keeps, where one is required, is the second. */
const TWO_TRIPS = { ...ONE_TRIP, flushes: 2, syncs: 2, ready: 2 }

/** An organization with one of everything, and a key of it that was never used. */
const organizationWithNewKey = async () => {
  const { call } = await app.organization()
  const made = await makeOne(call, `m${Math.random().toString(36).slice(2)}`)
  const { body } = await call('POST', '/organizations/api-keys', { name: 'Unused', role: 'owner' })
  return { made, call: app.as(body.secret) }
}

test('every route of an organization takes one trip to the database, with a key on its first use too', async () => {
  const taken: Record<string, unknown> = {}
  const expected: Record<string, unknown> = {}
  for (const [name, { method, returns, lists, key, status = returns || lists ? 200 : 204 }] of tenantRoutes(app.functions)) {
    const { made, call } = await organizationWithNewKey()
    const { path, body, headers } = examples[name]?.(made) ?? { path: `/no-example-of/${name}` }
    const { trips, ...first } = await counted(() => call(method.toUpperCase(), path, body, headers))
    taken[name] = [first.status, trips]
    expected[name] = [name === 'delete /organizations/sessions/current' ? 404 : status, key ? TWO_TRIPS : ONE_TRIP]
  }
  expect(taken).toEqual(expected)
})

test('a refusal takes one trip as well', async () => {
  const { call } = await organizationWithNewKey()
  const unknown = app.as(`ah_${Buffer.from('org_of_nobody').toString('base64url')}_${'x'.repeat(43)}`)
  const { body } = await call('POST', '/organizations/api-keys', { name: 'Low', role: 'viewer' })
  for (const [status, request] of [
    [404, () => call('GET', '/agents/nothing')],
    [401, () => unknown('GET', '/agents')],
    [403, () => app.as(body.secret)('POST', '/agents', { name: 'Refused' })],
    [400, () => call('GET', '/audit/events?from=0000-01-01T00:00:00Z')],
    [409, () => call('POST', '/organizations/users', { email: `${'a'.repeat(3)}@example.org`, id: 'u1' })],
  ] as const) {
    if (status === 409) await request()
    const { trips, ...answer } = await counted(request)
    expect([answer.status, trips]).toEqual([status, ONE_TRIP])
  }
})

test('an organization is founded in one trip', async () => {
  const { status, trips } = await counted(() => app.admin('POST', '/organizations', { name: 'New', owner_email: 'one@example.org' }))
  expect([status, trips]).toEqual([201, ONE_TRIP])
})

const withKey = (call: Call, key: string, path: string, body: unknown) =>
  counted(() => call('POST', path, body, { 'idempotency-key': key }))

const atMostTwo = (trips: typeof ONE_TRIP) => {
  expect(trips).toMatchObject({ queries: 0, flushRequests: 0, connections: 0 })
  for (const count of [trips.flushes, trips.syncs, trips.ready]) expect(count).toBeLessThanOrEqual(2)
}

test('a request with an Idempotency-Key takes two trips at most: first use, replay and refusals alike, and leaves its connection usable', async () => {
  const posts = tenantRoutes(app.functions).filter(([, { method, reads }]) => method === 'post' && !reads)
  expect(posts.length).toBeGreaterThan(0)
  for (const [name] of posts) {
    const { made, call } = await organizationWithNewKey()
    const { path, body } = (examples[name] as NonNullable<(typeof examples)[string]>)(made)
    const first = await withKey(call, 'key', path, body)
    const replay = await withKey(call, 'key', path, body)
    const other = await withKey(call, 'key', path, {
      ...(body as object),
      by: 9,
      name: 'Other',
      role: 'user',
      content: 'Other',
      metadata: {},
    })
    expect([name, first.status < 300, first.replayed, replay.replayed]).toEqual([name, true, null, 'true'])
    expect([replay.status, replay.text]).toEqual([first.status, first.text])
    expect(other.status === 422 || other.status === 400).toBe(true)
    for (const { trips } of [first, replay, other]) atMostTwo(trips)
    expect((await counted(() => call('GET', '/agents'))).trips).toEqual(ONE_TRIP)
  }
})

test('refusals under an Idempotency-Key take two trips at most and leave the connection usable', async () => {
  const { call, made } = await organizationWithNewKey()
  const taken = { id: made.agent, name: 'Taken' }
  const unknown = app.as(`ah_${Buffer.from('org_of_nobody').toString('base64url')}_${'x'.repeat(43)}`)
  const agents = await withKey(call, 'used', '/agents', { name: 'First' })
  expect(agents.status).toBe(201)
  for (const [status, request] of [
    [409, () => withKey(call, 'taken', '/agents', taken)],
    [409, () => withKey(call, 'taken', '/agents', taken)],
    [404, () => withKey(call, 'gone', '/conversations/nothing/messages', { role: 'user', content: 'Lost' })],
    [422, () => withKey(call, 'used', '/agents', { name: 'Second' })],
    [401, () => withKey(unknown, 'stranger', '/agents', { name: 'Refused' })],
    [400, () => withKey(call, 'bad', '/conversations', { agent_id: 'nobody' })],
  ] as const) {
    const { trips, ...answer } = await request()
    expect(answer.status).toBe(status)
    atMostTwo(trips)
    expect((await counted(() => call('GET', '/agents'))).trips).toEqual(ONE_TRIP)
  }
})

test('a batch leaves in one write', async () => {
  const client = new pg.Client({ connectionString: app.database.url })
  await client.connect()
  try {
    const { stream } = (client as unknown as { connection: { stream: NodeJS.WritableStream & Record<'_write' | '_writev', unknown> } })
      .connection
    let writes = 0
    for (const method of ['_write', '_writev'] as const) {
      const write = stream[method] as (...given: unknown[]) => unknown
      stream[method] = (...given: unknown[]) => {
        writes++
        return write.apply(stream, given)
      }
    }
    const batch = new Batch([1, 2, 3].map(n => ({ name: `s${n}`, text: `select ${n} + $1::int`, values: [n] })))
    client.query(batch)
    expect(await batch.done).toEqual([[['2']], [['4']], [['6']]])
    expect(writes).toBe(1)
  } finally {
    await client.end()
  }
})
