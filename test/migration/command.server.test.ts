import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ADMIN_KEY } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'
import { dictionariesOf, names, sample } from './dictionaries.ts'

let app: Running
let folder: string
beforeAll(async () => {
  app = await run()
  folder = mkdtempSync(join(tmpdir(), 'agenthub-import-'))
  for (const name of names) writeFileSync(join(folder, `${name}.json`), sample(name))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await app.stop()
})

const program = (args: string[]) => ['--import', 'tsx', 'functions/import.ts', ...args]
const env = () => ({ ...process.env, DATABASE_URL: app.database.url, AGENTHUB_ADMIN_KEY: ADMIN_KEY, DATA_DIR: join(folder, 'data') })

/** `npm run import` without the build. */
const command = (...args: string[]): Promise<{ code: number; out: string }> =>
  new Promise(resolve => {
    execFile('node', program(args), { env: env() }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), out: stdout + stderr }),
    )
  })

const organization = ['--organization', 'org_default']

test('a folder is moved straight into a database, compared and exported', async () => {
  const { code, out } = await command(folder, ...organization, '--export', join(folder, 'out'))
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/agents .*\n +read +inserted .*\n +9 +9 [\s\S]*equal: 9 entries[\s\S]*conversations/),
  ])
  for (const name of names)
    expect(await dictionariesOf(app).equal(readFileSync(join(folder, 'out', `${name}.json`), 'utf8'), sample(name))).toBe(true)
})

test('the same folder over a running server finds everything there', async () => {
  const { code, out } = await command(folder, ...organization, '--url', app.url)
  expect([code, out]).toEqual([0, expect.stringMatching(/read +inserted +unchanged +updated .*\n +9 +0 +9 +0 /)])
})

test('a difference is told by its key and path, and ends with 1', async () => {
  await app.database.sql("update agents set name = 'by hand' where id = 'agent_1'")
  const { code, out } = await command(join(folder, 'agents.json'), ...organization, '--compare', '--url', app.url)
  expect([code, out]).toEqual([1, expect.stringContaining('different agent_1 at /name: "Wake')])
})

test('a mistake in the arguments is named and ends with 2', async () => {
  for (const [args, word] of [
    [['--frob'], '--frob'],
    [[join(folder, 'nothing')], 'there is no'],
    [[folder, '--url', 'nowhere'], '--url'],
  ] as const) {
    const { code, out } = await command(...args)
    expect([code, out]).toEqual([2, expect.stringContaining(word)])
  }
})

test('killed in the middle and run again, it goes on and ends equal', async () => {
  const { id } = await app.organization()
  const file = join(mkdtempSync(join(folder, 'killed-')), 'agents.ndjson')
  const description = 'x'.repeat(20_000)
  const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify({ key: `k${i}`, value: { name: `Agent ${i}`, description } }))
  writeFileSync(file, lines.join('\n'))
  await app.database.sql('delete from agents where organization_id <> $1', [id])
  const marks = join(folder, 'data', 'import')
  mkdirSync(marks, { recursive: true })
  const changes = watch(marks)
  const child = spawn('node', program([file, '--organization', id, '--url', app.url]), { env: env(), stdio: 'ignore' })
  for await (const { filename } of changes) if (filename?.endsWith('.json')) break
  child.kill('SIGKILL')
  await once(child, 'exit')
  const rows = async () =>
    (await app.database.sql<{ rows: number }>('select count(*)::int as rows from agents where organization_id = $1', [id]))[0]?.rows
  expect(await rows()).toBeLessThan(600)
  const { code, out } = await command(file, '--organization', id, '--url', app.url)
  expect([code, out]).toEqual([0, expect.stringMatching(/\n +600 [\s\S]*equal: 600 entries/)])
  expect([await rows(), readdirSync(marks)]).toEqual([600, []])
})
