import { type IncomingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_KEY } from './support/database.ts'
import { type Running, run } from './support/http.ts'
import { answerOf, type Built, buildProgram, type Program, startProgram } from './support/program.ts'

let app: Running
let built: Built
let program: Program
let key: string
let holder: pg.Client

/** The framework's own command line listens on a socket here: it would take every address of the machine otherwise. */
const socketPath = () => join(built.folder, 'socket')

beforeAll(async () => {
  ;[app, built] = await Promise.all([run(), buildProgram()])
  key = (await app.organization()).key
  holder = new pg.Client({ connectionString: app.database.url as string })
  await holder.connect()
  const cli = 'node_modules/@google-cloud/functions-framework/build/src/main.js'
  program = startProgram(built.folder, [cli, '--target=agents', '--source=dist/index.js', `--port=${socketPath()}`], {
    FUNCTION_TARGET: 'agents',
    DATABASE_URL: app.database.url as string,
    AGENTHUB_ADMIN_KEY: ADMIN_KEY,
  })
  await program.printed(/Serving function/)
})
afterAll(async () => {
  program.kill('SIGKILL')
  await program.ended
  await holder.end()
  built.remove()
  await app.stop()
})

const call = (method: string, path: string, body?: object) => {
  const headers: IncomingHttpHeaders = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const outgoing = request({ socketPath: socketPath(), method, path, headers })
  const answer = answerOf(outgoing)
  outgoing.end(body && JSON.stringify(body))
  return answer
}

/** Resolves once as many statements as `count` wait for somebody's lock. */
const waiting = async (count: number) => {
  const waiters = "select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
  while ((await holder.query(waiters)).rows[0].count < count) await new Promise(resolve => setImmediate(resolve))
}

test('the framework serves one function from the built program, as the cloud runs it', async () => {
  expect(await call('POST', '/agents', { id: 'one', name: 'One' })).toMatchObject({ status: 201, body: { id: 'one' } })
  expect(await call('GET', '/one')).toMatchObject({ status: 200, body: { name: 'One' } })
  expect((await call('GET', '/organizations/me')).status).toBe(404)
  expect(await call('GET', '/health/ready')).toMatchObject({ status: 200 })
})

test("requests come past the framework's own app, which would answer this path itself", async () => {
  expect(await call('GET', '/favicon.ico')).toMatchObject({ status: 404, body: { code: 'not_found' } })
})

test('on SIGTERM a request in flight gets its true answer, and the process ends with 0', async () => {
  await call('POST', '/agents', { id: 'slow', name: 'Before' })
  await holder.query('begin')
  await holder.query("select from agents where id = 'slow' for update")
  const slow = call('PATCH', '/agents/slow', { name: 'After' })
  await waiting(1)
  program.kill('SIGTERM')
  await program.printed(/SIGTERM: finishing what runs/)
  await expect(call('GET', '/agents/slow')).rejects.toThrow()
  await holder.query('commit')
  expect(await slow).toMatchObject({ status: 200, body: { name: 'After' } })
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect((await app.database.sql<{ name: string }>("select name from agents where id = 'slow'"))[0]?.name).toBe('After')
})
