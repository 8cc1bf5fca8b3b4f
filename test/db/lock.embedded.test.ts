import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DirectoryLocked, lockDirectory } from '../../shared/db/lock.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agenthub-lock-'))
  file = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Another process, alive until it is killed; told by it once it holds the lock. */
const holder = async () => {
  const lock = new URL('../../shared/db/lock.ts', import.meta.url).pathname
  const code = `import { lockDirectory } from ${JSON.stringify(lock)}; lockDirectory(process.argv[1]); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

test('a directory that another process holds is refused, with its number and a way out', async () => {
  const child = await holder()
  try {
    expect(() => lockDirectory(folder)).toThrow(DirectoryLocked)
    expect(() => lockDirectory(folder)).toThrow(new RegExp(`process ${child.pid}.*DATA_DIR`))
    expect(readFileSync(file, 'utf8')).toContain(String(child.pid))
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const unlock = lockDirectory(folder)
  expect(readFileSync(file, 'utf8')).toContain(String(process.pid))
  unlock()
  expect(existsSync(file)).toBe(false)
})

test.each([['999999999'], [''], ['nobody'], [`${process.ppid} 1`]])('a stale file (%j) is taken over', text => {
  writeFileSync(file, text)
  lockDirectory(folder)()
  expect(existsSync(file)).toBe(false)
})

test('a directory that was given back can be taken again', () => {
  lockDirectory(folder)()
  lockDirectory(folder)()
})
