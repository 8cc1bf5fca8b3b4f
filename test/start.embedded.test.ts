import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Built, buildProgram, type Program, slowRequest, startProgram } from './support/program.ts'

let built: Built
const started: Program[] = []

beforeAll(async () => {
  built = await buildProgram()
})
afterAll(async () => {
  await stopAll()
  built.remove()
})

const stopAll = async () => {
  for (const program of started) program.kill('SIGKILL')
  await Promise.all(started.splice(0).map(program => program.ended))
}

/** `npm start` after its build, with this environment. */
const start = (environment: Record<string, string> = {}): Program => {
  const program = startProgram(built.folder, ['--enable-source-maps', 'dist/start.js'], { DATA_DIR: 'my data', PORT: '0', ...environment })
  started.push(program)
  return program
}

/** The one that runs already, or a new one. */
const running = async (): Promise<{ program: Program; url: string }> => {
  const program = started.find(one => one.alive()) ?? start()
  return { program, url: await ready(program) }
}

const ready = async (program: Program): Promise<string> =>
  (await program.printed(/is ready at (http\S+)\n[\s\S]*\n {2}curl -i .*\n/))[1] as string

const caller = (url: string, token: string) => async (method: string, path: string, body?: object) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  return { status: response.status, body: (await response.json()) as ReturnType<typeof JSON.parse> }
}

const adminOf = (url: string) => caller(url, readFileSync(join(built.data, 'admin-key'), 'utf8'))

const newOrganization = async (url: string): Promise<string> =>
  (await adminOf(url)('POST', '/organizations', { name: 'Acme' })).body.api_key.secret

test('a fresh start is ready after less than 15 s of work, and what it prints can be pasted whole from any folder', async () => {
  const program = start()
  const url = await ready(program)
  if (process.platform === 'linux') expect(program.worked()).toBeLessThan(15)
  const [, input] = await program.printed(/Paste this whole.*\n([\s\S]*\n {2}curl -i .*\n)/)
  const pasted = execFileSync('bash', { cwd: '/', input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] })
  const [head = '', body = ''] = pasted.split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  expect(JSON.parse(body)).toMatchObject({ name: 'Concierge', status: 'active' })
  expect((await fetch(`${url}/docs`)).status).toBe(200)
})

test('the tour of the README runs as it is written there', async () => {
  const { url } = await running()
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const blocks = [...readme.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(([, block]) => block)
  const tour = blocks.join('').replace('http://127.0.0.1:8080', url).replace('.data/admin-key', "'my data/admin-key'")
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-euc', tour], { cwd: built.folder })
  const codes = [...stdout.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)
  expect(codes).toEqual(['unauthenticated', 'version_mismatch', 'invalid_request', 'invalid_request', 'conflict', 'idempotency_key_reused'])
  expect(stdout).toContain('"data":{"name": "Blue"}')
  expect(stdout).toContain('{"items" : [{"currency" : "usd", "available" : 1400, "pending" : 0}]}')
  expect(stdout).toContain('{"name":"greetings","value":9007199254740993.1}')
  expect(stdout).toMatch(/^idempotent-replayed: true/m)
  expect(stderr).toBe('')
})

test('after kill -9 in the midst of writes everything acknowledged is there', async () => {
  const { program, url } = await running()
  const key = await newOrganization(url)
  const call = caller(url, key)
  const acknowledged: string[] = []
  const enough = 60
  const write = async (writer: number) => {
    for (let n = 0; ; n++) {
      const answer = await call('POST', '/agents', { id: `w${writer}-${n}`, name: `Agent ${n}` }).catch(() => undefined)
      if (answer?.status !== 201) return
      acknowledged.push(answer.body.id)
      if (acknowledged.length === enough) program.kill('SIGKILL')
    }
  }
  await Promise.all([1, 2, 3, 4].map(write))
  expect((await program.ended).signal).toBe('SIGKILL')
  expect(acknowledged.length).toBeGreaterThanOrEqual(enough)

  const again = caller((await running()).url, key)
  const { body } = await again('GET', '/agents?limit=200')
  const kept = new Set(body.items.map((agent: { id: string }) => agent.id))
  expect(acknowledged.filter(id => !kept.has(id))).toEqual([])
  expect(kept.size).toBeLessThanOrEqual(acknowledged.length + 4)
})

test('a second process on the same folder is refused and told what to do; the first goes on', async () => {
  const { program: first, url } = await running()
  const second = start()
  expect((await second.ended).code).toBe(1)
  expect(second.output()).toContain(`is in use by process ${first.pid}: stop it, or set DATA_DIR to another folder`)
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
})

test('a busy port is told with the way out, and the folder is free again', async () => {
  await stopAll()
  const holder = createServer()
  await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as { port: number }
  const program = start({ PORT: String(port) })
  const { code } = await program.ended
  await new Promise(resolve => holder.close(resolve))
  expect(code).toBe(1)
  expect(program.output()).toMatch(new RegExp(`^Port ${port} is busy: .*PORT=\\d+ npm start.*\n$`))
  expect(existsSync(join(built.data, 'lock'))).toBe(false)
})

test('every wrong variable is named, in words and without a stack', async () => {
  const program = start({ PORT: 'high', DB_POOL_SIZE: '0', LOG_LEVEL: 'loud' })
  expect((await program.ended).code).toBe(1)
  expect(
    program
      .output()
      .trim()
      .split('\n')
      .map(line => line.split(':')[0]),
  ).toEqual(['PORT', 'DB_POOL_SIZE', 'LOG_LEVEL'])
})

test('a target that does not exist is named with those that do', async () => {
  const program = start({ FUNCTION_TARGET: 'angels' })
  expect((await program.ended).code).toBe(1)
  expect(program.output()).toMatch(/^FUNCTION_TARGET: must be one of .*agents.*\n$/)
})

test('one function alone starts with words that fit it', async () => {
  await stopAll()
  const program = start({ FUNCTION_TARGET: 'agents' })
  const [, url] = await program.printed(/\(agents\) is ready at (http\S+)\n[\s\S]*admin key .*\n/)
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  expect(program.output()).not.toMatch(/organizations|\/docs/)
  await stopAll()
})

test('SIGTERM lets a request in flight end, closes the database and exits with 0', async () => {
  const { program, url } = await running()
  const key = await newOrganization(url)
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${key}` }
  const slow = slowRequest(`${url}/agents`, { method: 'POST', headers, agent }, '{"id":"late","name":"Late"}')
  await slow.arrived
  program.kill('SIGTERM')
  await program.printed(/SIGTERM: finishing what runs/)
  await expect(fetch(`${url}/health/live`)).rejects.toThrow()
  slow.finish()
  expect(await slow.answered).toMatchObject({ status: 201, body: { id: 'late' } })
  expect(await program.ended).toEqual({ code: 0, signal: null })
  agent.destroy()
  expect(existsSync(join(built.data, 'lock'))).toBe(false)

  const again = caller((await running()).url, key)
  expect((await again('GET', '/agents/late')).status).toBe(200)
})
