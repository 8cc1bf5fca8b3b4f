import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** `npm run import` without the build. */
const command = (...args: string[]): Promise<{ code: number; out: string }> =>
  new Promise(resolve => {
    const env = { ...process.env, DATABASE_URL: app.database.url, AGENTHUB_ADMIN_KEY: ADMIN_KEY }
    execFile('node', ['--import', 'tsx', 'functions/import.ts', ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), out: stdout + stderr }),
    )
  })

const organization = ['--organization', 'org_default']

test('a folder is moved straight into a database, compared and exported', async () => {
  const { code, out } = await command(folder, ...organization, '--export', join(folder, 'out'))
  expect([code, out]).toEqual([0, expect.stringMatching(/agents .*\n {2}read 9 {3}inserted 9[\s\S]*equal: 9 entries[\s\S]*conversations/)])
  for (const name of names)
    expect(await dictionariesOf(app).equal(readFileSync(join(folder, 'out', `${name}.json`), 'utf8'), sample(name))).toBe(true)
})

test('the same folder over a running server finds everything there', async () => {
  const { code, out } = await command(folder, ...organization, '--url', app.url)
  expect([code, out]).toEqual([0, expect.stringMatching(/read 9 {3}inserted 0 {3}unchanged 9/)])
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
