import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { onServer } from '../support/global.ts'
import { startServer } from '../support/server.ts'

/** How Cloud SQL is told to log, but for how long a statement must take: here each is logged. */
const flags = [...readFileSync(new URL('../../terraform/database.tf', import.meta.url), 'utf8').matchAll(/^ +"(log_\w+)" += "(\w+)"/gm)]
  .map(([, name, value]) => `${name}=${name === 'log_min_duration_statement' ? '0' : value}`)
  .flatMap(flag => ['-c', flag])

test('what the database logs of slow statements and of broken rules holds their text, and none of their values', async () => {
  expect(flags).toContain('log_error_verbosity=terse')
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-log-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  let log = ''
  const server = await startServer(join(folder, 'data'), ['-c', 'fsync=off', ...flags], [], text => {
    log += text
  })
  try {
    await onServer(server.url, async client => {
      await client.query('create table kept (id text primary key, amount int check (amount > 0))')
      const insert = (...values: unknown[]) => client.query('insert into kept (id, amount) values ($1, $2)', values)
      await insert('canary-of-a-value', 1)
      await expect(insert('canary-of-a-value', 2)).rejects.toThrow(/duplicate key/)
      await expect(insert('canary-of-a-row', -1)).rejects.toThrow(/check constraint/)
    })
    while (!log.includes('violates check constraint')) await new Promise(setImmediate)
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  expect(log).toMatch(/duration: [\d.]+ ms .*insert into kept/)
  expect(log).toContain('duplicate key value violates unique constraint')
  expect(log).not.toContain('canary')
})
