import { rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Phase, Phased } from '../bench/children/openloop.ts'
import { insist } from '../support/ask.ts'
import { bundleTo } from '../support/bundle.ts'
import { type Child, runChild, startChild } from '../support/children.ts'
import { ADMIN_KEY, makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { makeRows } from '../support/mix.ts'
import { peakConnections } from '../support/peak.ts'
import { type Seen, wireClient } from '../support/wire.client.ts'

const CLIENTS = 200
const POOL = 4
const QUEUE = 40

let database: TestDatabase
let folder: string
let child: Child
let token: string
beforeAll(async () => {
  database = await makeTestDatabase()
  folder = await bundleTo(`dist/overload-${process.pid}`, ['functions/start', 'test/bench/children/openloop'])
  child = await startChild([`${folder}/functions/start.js`], {
    ...{ DATABASE_URL: database.url as string, AGENTHUB_ADMIN_KEY: ADMIN_KEY, PORT: '0', LOG_LEVEL: 'error' },
    ...{ DB_POOL_SIZE: String(POOL), DB_QUEUE_SIZE: String(QUEUE), RATE_LIMIT_PER_MINUTE: '0' },
  })
  const made = await insist(child.url, ADMIN_KEY, { method: 'POST', path: '/organizations', body: { name: 'Overload' } })
  token = made.body.api_key.secret
  await makeRows((method, path, body) => insist(child.url, token, { method, path, body }))
})
afterAll(async () => {
  await child.stop()
  await database.drop()
  await rm(folder, { recursive: true })
})

test('more clients than may wait: they are served or told when to come again, over few connections; and all are served once they are few', async () => {
  const peak = await peakConnections(database.url as string)
  const phases: Phase[] = [
    { rate: 0, seconds: 2, clients: CLIENTS },
    { rate: 20, seconds: 2 },
  ]
  const environment = { URL: child.url, TOKEN: token, CLIENTS: String(CLIENTS), PHASES: JSON.stringify(phases) }
  const [over, after] = JSON.parse(await runChild([`${folder}/test/bench/children/openloop.js`], environment)) as Phased[]
  const most = await peak.stop()
  const { 200: read, 201: made, 503: refused, ...others } = over?.statuses ?? {}
  expect({ others, lost: over?.lost, bare: over?.bare }).toEqual({ others: {}, lost: 0, bare: 0 })
  expect(Math.min(read ?? 0, made ?? 0)).toBeGreaterThan(0)
  expect(refused).toBeGreaterThan(CLIENTS - POOL - QUEUE)
  expect(most).toBeLessThanOrEqual(POOL)
  expect(Object.keys(after?.statuses ?? {}).filter(status => status >= '300')).toEqual([])
  expect(Object.values(after?.statuses ?? {}).reduce((sum, n) => sum + n, 0)).toBe(40)
})

test('a request of the load that is never answered is lost after its time, and the next one goes over a new connection', async () => {
  const taken: Socket[] = []
  const server = createServer(socket => {
    const silent = taken.push(socket) === 1
    socket.on('data', () => silent || socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const client = await wireClient('127.0.0.1', (server.address() as AddressInfo).port)
  const ask = (patience: number) => new Promise<Seen>(told => client.ask(Buffer.from('GET / HTTP/1.1\r\n\r\n'), patience, told))
  expect(await ask(50)).toBeUndefined()
  expect([await ask(10_000), await ask(10_000)]).toEqual(Array(2).fill({ status: 200, retryAfter: false }))
  expect(taken.length).toBe(2)
  client.end()
  await new Promise(resolve => server.close(resolve)) // once both connections have ended
})
