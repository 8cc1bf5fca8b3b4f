import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newToken } from '../../shared/http/credentials.ts'
import { requestFor } from '../support/everyroute.ts'
import { type Running, run } from '../support/http.ts'
import { operationsOf } from '../support/operations.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

/** Announces a body, sends none of it, and answers the status that comes all the same; undefined when none does. */
const announce = (head: string[]): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.url)
    const socket = connect(Number(port), hostname, () => socket.write(`${head.join('\r\n')}\r\nhost: x\r\n\r\n`))
    const finish = (status?: number) => {
      socket.destroy()
      resolve(status)
    }
    socket.setTimeout(10_000, () => finish())
    socket.once('error', reject).once('data', data => finish(Number(/^HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1])))
  })

test('no route reads a large body of a caller who is not proved, nor one of a length that nobody knows', async () => {
  const { id } = await app.organization()
  const operations = operationsOf((await app.admin('GET', '/openapi.json')).body)
  const taking = operations.filter(({ role, body }) => body && role !== 'public')
  expect(taking.length).toBeGreaterThan(20)
  const statuses = await Promise.all(
    taking.map(async operation => {
      const { method, path } = requestFor(operation)
      const head = [`${method} ${path} HTTP/1.1`, 'content-type: application/json', `authorization: Bearer ${newToken(id)}`]
      const key = ['idempotency-key: x']
      const refused = operation.role === 'platform' ? 403 : 401
      const known = await announce([...head, ...key, 'content-length: 900000'])
      const chunked = await announce([...head, ...key, 'transfer-encoding: chunked'])
      return [operation.name, known, chunked, refused]
    }),
  )
  expect(statuses.filter(([, known, chunked, refused]) => known !== refused || chunked !== refused)).toEqual([])
})

test('a large body of a proved caller is taken', async () => {
  const { call } = await app.organization()
  const { status } = await call('POST', '/agents', { name: 'Large', configuration: { text: 'x'.repeat(200_000) } })
  expect(status).toBe(201)
})

test('nobody has a password hashed who is not proved, or who may not set it', async () => {
  const { id, call } = await app.organization()
  const person = (await call('POST', '/organizations/users', { email: `person-${id}@example.org` })).body.id
  const viewer = (await call('POST', '/organizations/api-keys', { name: 'v', role: 'viewer' })).body.secret
  const admin = (await call('POST', '/organizations/api-keys', { name: 'a', role: 'admin' })).body.secret
  const password = 'correct horse battery'
  const email = `new-${id}@example.org`
  const asked = async (token: string, role: string) => {
    const ask = app.as(token)
    return Promise.all([
      ask('POST', '/organizations/users', { email, password, role }),
      ask('POST', '/organizations/users', { email, password, role }, { 'idempotency-key': token.slice(-9) + role }),
      ask('PATCH', `/organizations/users/${person}`, { password, role }),
    ])
  }
  // three times as many as may wait for their turn: had they come to the hashing, most would be 503
  const many = await Promise.all(Array.from({ length: 35 }, () => asked(newToken(id), 'member')))
  expect(new Set(many.flat().map(({ status }) => status))).toEqual(new Set([401]))
  const weak = await Promise.all(Array.from({ length: 12 }, () => Promise.all([asked(viewer, 'viewer'), asked(admin, 'owner')])))
  expect(new Set(weak.flat(2).map(({ status }) => status))).toEqual(new Set([403]))
  const kept = { 'idempotency-key': 'kept' }
  const made = await call('POST', '/organizations/users', { email, password }, kept)
  expect([made.status, (await call('POST', '/organizations/users', { email, password }, kept)).text]).toEqual([201, made.text])
  expect((await app.as(undefined)('POST', '/organizations/sessions', { email, password })).status).toBe(201)
})

test('the attempts at an account count for it however its address is written', async () => {
  const { id, call } = await app.organization()
  const user = (await call('POST', '/organizations/users', { email: 'kim@example.org' })).body.id
  let minute: number
  let status: number
  do {
    minute = Math.floor(Date.now() / 60_000)
    for (let n = 0; n < 10; n++) await app.shared.count(`login:${JSON.stringify([id, user])}`, Date.now())
    // the letter I with a dot, which is an i to Postgres and not to JavaScript
    const email = 'K\u0130M@example.org'
    status = (await app.as(undefined)('POST', '/organizations/sessions', { email, password: 'wrong' })).status
  } while (minute !== Math.floor(Date.now() / 60_000))
  expect(status).toBe(429)
})
