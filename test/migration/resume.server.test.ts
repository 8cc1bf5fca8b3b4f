import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agents } from '../../functions/agents/legacy.ts'
import { filesOf } from '../../functions/migration/files.ts'
import { marksIn } from '../../functions/migration/marks.ts'
import { importFile } from '../../functions/migration/move.ts'
import { patiently } from '../../functions/migration/patience.ts'
import { postgresDictionaries } from '../../functions/migration/postgres.ts'
import { databaseTarget, type Target } from '../../functions/migration/targets.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

const ENTRIES = 230

let database: TestDatabase
let shared: Shared
let folder: string
beforeAll(async () => {
  database = await makeTestDatabase()
  shared = await shareTest(database)
  folder = mkdtempSync(join(tmpdir(), 'agenthub-resume-'))
  const description = 'x'.repeat(40_000)
  const entries = Array.from({ length: ENTRIES }, (_, i) => [`a${i}`, { name: `Agent ${i}`, description }])
  writeFileSync(join(folder, 'agents.json'), JSON.stringify(Object.fromEntries(entries)))
})
afterAll(async () => {
  await shared.close()
  await database.drop()
  rmSync(folder, { recursive: true })
})

/** The database, which dies before its import number `dies`, and the entries that it was sent. */
const mortal = (dies: number): { target: Target; sent: () => number } => {
  const target = databaseTarget(postgresDictionaries(shared.db))
  let [calls, sent] = [0, 0]
  return {
    target: {
      ...target,
      import: (collection, part, bounds) => {
        if (++calls === dies) throw new Error('killed')
        sent += part.count
        return target.import(collection, part, bounds)
      },
    },
    sent: () => sent,
  }
}

test('an import that was interrupted goes on behind its last whole part, if that is there still', async () => {
  const [file] = filesOf([join(folder, 'agents.json')], [agents])
  const marks = marksIn(join(folder, 'marks'), 'here')
  const run = (target: Target, to = marks) => importFile(target, file as NonNullable<typeof file>, { none: 'org_resume' }, to)

  const first = mortal(2)
  await expect(run(first.target)).rejects.toThrow('killed')
  expect(first.sent()).toBeGreaterThan(50)
  const second = mortal(0)
  expect(await run(second.target)).toMatchObject({ read: ENTRIES, inserted: ENTRIES, unchanged: 0 })
  expect(first.sent() + second.sent()).toBe(ENTRIES)
  expect(readdirSync(join(folder, 'marks'))).toEqual([])

  await expect(run(mortal(3).target)).rejects.toThrow('killed')
  const elsewhere = mortal(0)
  expect(await run(elsewhere.target, marksIn(join(folder, 'marks'), 'elsewhere'))).toMatchObject({ unchanged: ENTRIES })
  expect(elsewhere.sent()).toBe(ENTRIES)
  await database.sql('delete from agents')
  const emptied = mortal(0)
  expect(await run(emptied.target)).toMatchObject({ read: ENTRIES, inserted: ENTRIES })
  expect(emptied.sent()).toBe(ENTRIES)
})

test('what is refused for a while is asked again after that while; what is refused for good is not', async () => {
  const waited: number[] = []
  const wait = async (seconds: number) => void waited.push(seconds)
  const answers = [new Refusal('overloaded', 'full', { retryAfter: 3 }), new Refusal('unavailable', 'away', { retryAfter: 1 })]
  const asked = async () => {
    const refused = answers.shift()
    if (refused) throw refused
    return 'done'
  }
  expect(await patiently(asked, wait)).toBe('done')
  expect(waited).toEqual([3, 1])
  answers.push(new Refusal('conflict', 'no'))
  await expect(patiently(asked, wait)).rejects.toThrow('no')
})
