import { afterAll, beforeAll, expect, test } from 'vitest'
import { runBehindProxy } from '../support/behind.ts'
import type { Answer, Call } from '../support/http.ts'

let app: Awaited<ReturnType<typeof runBehindProxy>>
let call: Call
beforeAll(async () => {
  app = await runBehindProxy({ DB_POOL_SIZE: '1', DB_STATEMENT_TIMEOUT_MS: '200' })
  call = (await app.organization()).call
  await call('POST', '/agents/counters/c/increment')
})
afterAll(() => app.stop())

const counter = async () => Number((await app.database.sql('select value from counters'))[0]?.value)
const increment = (headers = {}) => call('POST', '/agents/counters/c/increment', {}, headers)
const read = () => call('GET', '/agents/counters/c')
const refused = ({ status, body, headers }: Answer) => [status, body.code, headers.get('retry-after') === '1']
const healthy = async () => {
  app.proxy.become('open')
  expect((await read()).status).toBe(200)
}

test('a change that was made but whose answer is lost answers 503, and is made once', async () => {
  const before = await counter()
  app.proxy.become('deaf')
  const made = app.proxy.withheld()
  const changing = increment()
  await made
  app.proxy.become('open')
  app.proxy.cut()
  expect(refused(await changing)).toEqual([503, 'unavailable', true])
  expect(await counter()).toBe(before + 1)
  await healthy()
})

for (const [trips, outcome] of [
  [0, 'was not made'],
  [1, 'was made'],
] as const)
  test(`after ${trips} trips of a change with an Idempotency-Key it ${outcome}, and the key tells: it is made once`, async () => {
    const before = await counter()
    const key = { 'idempotency-key': `lost-${trips}` }
    app.proxy.become('deaf', trips)
    const reached = app.proxy.withheld()
    const changing = increment(key)
    await reached
    app.proxy.cut()
    expect(refused(await changing)).toEqual([503, 'unavailable', true])
    expect(await counter()).toBe(before + trips)
    app.proxy.become('open')
    let again = await increment(key)
    while (again.status === 409) again = await increment(key) // the server has not missed the lost connection yet
    expect([again.status, again.body.value, again.headers.has('idempotent-replayed')]).toEqual([200, before + 1, trips === 1])
    expect(await counter()).toBe(before + 1)
  })

test('a transaction that the server believes to be open, and nobody can end, keeps its key and its rows for no longer than the time-out', async () => {
  const before = await counter()
  const key = { 'idempotency-key': 'half-open' }
  app.proxy.become('deaf')
  const reached = app.proxy.withheld()
  const began = performance.now()
  const changing = increment(key)
  await reached
  app.proxy.abandon()
  app.proxy.become('open')
  expect(refused(await changing)).toEqual([503, 'unavailable', true])
  let [again, other] = [await increment(key), await increment()]
  while (again.status === 409) again = await increment(key)
  while (other.status === 503) other = await increment()
  expect(performance.now() - began).toBeLessThan(5000)
  expect([again.status, other.status, await counter()]).toEqual([200, 200, before + 2])
})

test('a read whose answer is lost is read again', async () => {
  app.proxy.become('deaf')
  const asked = app.proxy.withheld()
  const reading = read()
  await asked
  app.proxy.become('open')
  app.proxy.cut()
  expect((await reading).status).toBe(200)
})

test('a server that takes requests but never answers is given up a second after the time-out', async () => {
  const before = await counter()
  app.proxy.become('silent')
  const began = performance.now()
  expect(refused(await increment())).toEqual([503, 'unavailable', true])
  expect(performance.now() - began).toBeGreaterThan(1100)
  expect(performance.now() - began).toBeLessThan(2500)
  await healthy()
  expect(await counter()).toBe(before)
})

test('a server that takes logins but answers nothing is given up, and a read is sent again for a second and no longer', async () => {
  const slow = await runBehindProxy({ DB_POOL_SIZE: '1', DB_STATEMENT_TIMEOUT_MS: '2000' })
  try {
    const own = await slow.organization()
    await own.call('GET', '/agents') // from now on the stage of the collection is known
    slow.proxy.become('mute')
    const began = performance.now()
    expect(refused(await own.call('GET', '/agents'))).toEqual([503, 'unavailable', true])
    expect(performance.now() - began).toBeGreaterThan(3900)
    expect(performance.now() - began).toBeLessThan(5900)
    slow.proxy.become('open')
    expect((await own.call('GET', '/agents')).status).toBe(200)
  } finally {
    await slow.stop()
  }
})

test('a server that takes connections but never answers is given up, and found again when it does', async () => {
  app.proxy.become('silent')
  app.proxy.cut()
  expect(refused(await read())).toEqual([503, 'overloaded', true])
  await healthy()
})

test('a server that refuses connections is unavailable, and found again', async () => {
  await app.proxy.close()
  const answers = [await read(), await increment()]
  expect(answers.map(refused)).toEqual(Array(2).fill([503, 'unavailable', true]))
  expect((await app.as(undefined)('GET', '/health/ready')).status).toBe(503)
  expect((await app.as(undefined)('GET', '/health/live')).status).toBe(200)
  await app.proxy.reopen()
  await healthy()
})
