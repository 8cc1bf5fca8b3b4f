import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Scope } from '../../shared/db/scope.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'
import { type Holder, holdLocks, until } from '../support/locks.ts'
import { measured } from '../support/metrics.ts'

let app: Running
let holder: Holder
let call: Call
const scope: Scope = { organization_id: 'org-pool', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }

const start = async (environment: Record<string, string>) => {
  app = await run(environment)
  call = (await app.organization(scope.organization_id)).call
  await call('POST', '/agents/counters/c/increment')
  await call('POST', '/agents', { id: 'a', name: 'Agent' })
  holder = await holdLocks(app.database)
}
beforeEach(() => {
  app = undefined as unknown as Running
})
afterEach(async () => {
  await holder.close()
  await app.stop()
})

const increment = () => call('POST', '/agents/counters/c/increment')
const read = () => call('GET', '/agents/a')
const counter = async () => (await app.database.sql('select value from counters'))[0]?.value
/** Whoever changes the counter waits until `holder` commits. */
const lockCounter = async () => {
  await holder.sql('begin')
  await holder.sql('select from counters for update')
}
/** Whoever reads agents waits as well. */
const lockAgents = async () => {
  await holder.sql('begin')
  await holder.sql('lock table agents in access exclusive mode')
}
const refused = ({ status, body, headers }: Answer) => [status, body.code, headers.get('retry-after')]

test('one request more than may wait is refused at once, and those that wait are served', async () => {
  await start({ DB_POOL_SIZE: '1', DB_QUEUE_SIZE: '2' })
  await lockCounter()
  const waiting = [increment(), read(), read()]
  await holder.waiting(1)
  await until(async () => (await measured(app.shared.metrics, 'db_pool_waiting')) === 2)
  expect(refused(await read())).toEqual([503, 'overloaded', '1'])
  expect((await app.as(undefined)('GET', '/health/live')).status).toBe(200)
  await holder.sql('commit')
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await read()).status).toBe(200)
})

test('the pool itself bounds its queue', async () => {
  await start({ DB_POOL_SIZE: '1', DB_QUEUE_SIZE: '2' })
  await lockCounter()
  const one = { name: 'one', text: 'select 1', values: [] }
  const waiting: Promise<unknown>[] = [increment()]
  await holder.waiting(1)
  waiting.push(app.shared.db.read(scope, one), app.shared.db.read(scope, one))
  await expect(app.shared.db.read(scope, one)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 1 })
  await holder.sql('commit')
  await Promise.all(waiting)
})

test('a request waits no longer than three seconds for a connection', async () => {
  await start({ DB_POOL_SIZE: '1' })
  await lockCounter()
  const first = increment()
  await holder.waiting(1)
  const began = performance.now()
  expect(refused(await read())).toEqual([503, 'overloaded', '1'])
  expect((performance.now() - began) / 1000).toBeCloseTo(3, 0)
  await holder.sql('commit')
  expect((await first).status).toBe(200)
})

test('connections that the server ends while they are idle are replaced without a word', async () => {
  await start({ DB_POOL_SIZE: '2' })
  for (const request of [read, increment]) {
    await Promise.all([read(), read()])
    for (const pid of await holder.backends()) await holder.kill(pid)
    expect((await request()).status).toBe(200)
  }
  expect(await counter()).toBe('2')
})

test('a read whose connection is ended under way is read again', async () => {
  await start({ DB_POOL_SIZE: '1' })
  await lockAgents()
  const reading = read()
  const [pid] = await holder.waiting(1)
  await holder.kill(pid as number)
  await holder.waiting(1)
  await holder.sql('commit')
  const answer = await reading
  expect([answer.status, answer.body.id]).toEqual([200, 'a'])
})

test('a read whose connections are ended again and again is given up', async () => {
  await start({ DB_POOL_SIZE: '1' })
  await lockAgents()
  const reading = read()
  for (const _ of [1, 2]) {
    const [pid] = await holder.waiting(1)
    await holder.kill(pid as number)
  }
  expect(refused(await reading)).toEqual([503, 'unavailable', '1'])
  await holder.sql('commit')
  expect((await read()).status).toBe(200)
})

test('a change whose connection is ended under way answers 503 and is not sent again', async () => {
  await start({ DB_POOL_SIZE: '1' })
  for (const headers of [{}, { 'idempotency-key': 'k' }]) {
    await lockCounter()
    const changing = call('POST', '/agents/counters/c/increment', {}, headers)
    const [pid] = await holder.waiting(1)
    await holder.kill(pid as number)
    expect(refused(await changing)).toEqual([503, 'unavailable', '1'])
    await holder.sql('commit')
    expect(await counter()).toBe('1')
  }
  const again = await call('POST', '/agents/counters/c/increment', {}, { 'idempotency-key': 'k' })
  expect([again.status, again.body.value, await counter()]).toEqual([200, 2, '2'])
})

test('a statement beyond its time-out answers 503 and leaves its connection usable', async () => {
  await start({ DB_POOL_SIZE: '1', DB_STATEMENT_TIMEOUT_MS: '150' })
  const before = await holder.backends()
  await lockCounter()
  expect(refused(await increment())).toEqual([503, 'unavailable', '1'])
  expect(refused(await call('POST', '/agents/counters/c/increment', {}, { 'idempotency-key': 'k' }))).toEqual([503, 'unavailable', '1'])
  expect((await read()).status).toBe(200)
  await holder.sql('commit')
  expect((await increment()).body.value).toBe(2)
  expect(await holder.backends()).toEqual(before)
})
