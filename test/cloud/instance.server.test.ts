import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cloud, type Deployed, IAM_LOGIN, startCloud } from '../support/cloud.ts'

const HOUR = 3_600_000

let cloud: Cloud
let deployed: Deployed
let key: string
beforeAll(async () => {
  cloud = await startCloud()
  deployed = await cloud.start({ DB_POOL_SIZE: '2', DB_STATEMENT_TIMEOUT_MS: '200' })
  key = (await deployed.call('POST', '/organizations', { id: 'acme', name: 'Acme' })).body.api_key.secret
})
afterAll(async () => {
  await deployed.stop()
  await cloud.stop()
})

const agents = () => deployed.call('GET', '/agents', undefined, key)
const create = (id: string) => deployed.call('POST', '/agents', { id, name: 'A' }, key)
/** Answers of a write until one succeeds, as its caller sends it: once, and once more. */
const written = async (id: string) => {
  const first = await create(id)
  return first.status === 503 ? [503, (await create(id)).status] : [first.status]
}
const once = [[201], [503, 201]]

test('a function serves over the connector with its IAM login and no password', async () => {
  expect((await create('one')).status).toBe(201)
  expect((await agents()).body.items).toMatchObject([{ id: 'one' }])
  const sessions = await cloud.sql(`select distinct usename from pg_stat_activity where application_name = 'agenthub-gateway'`)
  expect(sessions).toEqual([{ usename: IAM_LOGIN }])
})

test('an IAM login that is not the account of the certificate is refused', async () => {
  const { refused } = cloud.instance.counts
  const other = await cloud.start({ DB_USER: 'somebody@p.iam' })
  expect((await other.call('POST', '/organizations', { name: 'Nobody' })).status).toBe(503)
  expect(cloud.instance.counts.refused).toBeGreaterThan(refused)
  await other.stop()
})

test('a certificate that has expired is replaced within the request that finds it out', async () => {
  const { refused, certified } = cloud.instance.counts
  cloud.instance.later(2 * HOUR)
  cloud.instance.cut()
  expect(once).toContainEqual(await written('expired'))
  expect((await agents()).status).toBe(200)
  expect(cloud.instance.counts.refused).toBeGreaterThan(refused)
  expect(cloud.instance.counts.certified).toBe(certified + 1)
})

/** Resolves once the process stands still. */
const frozen = async (pid: number) => {
  while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await new Promise(setImmediate)
}

test('a process that stood still past the life of its certificate, its connections gone, answers the request that wakes it', async () => {
  await Promise.all([agents(), agents(), agents()]) // both connections are open
  const { certified } = cloud.instance.counts
  deployed.program.kill('SIGSTOP')
  await frozen(deployed.program.pid)
  cloud.instance.later(2 * HOUR)
  cloud.instance.cut()
  const reading = agents()
  deployed.program.kill('SIGCONT')
  expect((await reading).status).toBe(200)
  expect(once).toContainEqual(await written('thawed'))
  expect(cloud.instance.counts.certified).toBe(certified + 1)
})

test('an instance that fails over to another address is found there at once, and again the next time', async () => {
  for (const id of ['moved', 'moved-again']) {
    await cloud.instance.move()
    expect((await agents()).status).toBe(200)
    expect(once).toContainEqual(await written(id))
  }
})

test('an instance that vanishes without closing its connections is found at its new address by a read, whichever connection it took', async () => {
  await Promise.all([agents(), agents(), agents()])
  await cloud.instance.vanish()
  expect((await agents()).status).toBe(200)
  expect(once).toContainEqual(await written('vanished'))
})

test('while the Admin API is away as well, requests are refused and the process lives; it serves when both are back', async () => {
  cloud.google.down = true
  await cloud.instance.move()
  expect(await agents()).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  expect((await deployed.call('GET', '/health/live')).status).toBe(200)
  cloud.google.down = false
  let answer = await agents()
  while (answer.status === 503) answer = await agents()
  expect(answer.status).toBe(200)
})

test('no write of all these was lost or done twice', async () => {
  const { items } = (await agents()).body as { items: { id: string }[] }
  expect(items.map(({ id }) => id).sort()).toEqual(['expired', 'moved', 'moved-again', 'one', 'thawed', 'vanished'])
})
