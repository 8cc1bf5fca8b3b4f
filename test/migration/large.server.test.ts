import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agents } from '../../functions/agents/legacy.ts'
import { database } from '../../functions/database/legacy.ts'
import { filesOf } from '../../functions/migration/files.ts'
import { marksIn } from '../../functions/migration/marks.ts'
import { compareFile, importFile } from '../../functions/migration/move.ts'
import { postgresDictionaries } from '../../functions/migration/postgres.ts'
import { databaseTarget, serverTarget } from '../../functions/migration/targets.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import { ADMIN_KEY } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'

let app: Running
let folder: string
beforeAll(async () => {
  app = await run()
  folder = mkdtempSync(join(tmpdir(), 'agenthub-large-'))
})
afterAll(async () => {
  await app.stop()
  rmSync(folder, { recursive: true })
})

/** More than 32 MB of JSON. */
const large = JSON.stringify({ name: 'large', description: 'x'.repeat(33 * 1024 * 1024) })
const small = (name: string) => JSON.stringify({ name })

const files: Record<string, { collection: Collection; text: string }> = {
  'agents.json': { collection: agents, text: `{"a":${small('a')},"large":${large},"b":${small('b')}}` },
  'agents.ndjson': {
    collection: agents,
    text: [`{"key":"c","value":${small('c')}}`, `{"key":"large","value":${large}}`, `{"key":"d","value":${small('d')}}`].join('\n'),
  },
  'database.json': { collection: database, text: `{"t":{"a":${small('a')},"large":${large}},"u":{"b":${small('b')}}}` },
  'database.ndjson': {
    collection: database,
    text: [
      `{"key":"v","value":{"a":${small('a')}}}`,
      `{"key":"large","value":{"a":${large}}}`,
      `{"key":"w","value":{"b":${small('b')}}}`,
    ].join('\n'),
  },
}

test.for(Object.keys(files).flatMap(name => ['a database', 'a server'].map(target => [name, target] as const)))(
  'rule 12: an entry of more than 32 MB in %s is quarantined with its key, and those around it go into %s',
  { timeout: 120_000 },
  async ([name, where]) => {
    const { collection, text } = files[name] as (typeof files)[string]
    mkdirSync(join(folder, where), { recursive: true })
    const path = join(folder, where, name)
    writeFileSync(path, text)
    const [file] = filesOf([path], [collection]) as [NonNullable<ReturnType<typeof filesOf>[number]>]
    const target = where === 'a server' ? serverTarget(app.url, ADMIN_KEY) : databaseTarget(postgresDictionaries(app.shared.db))
    const bounds = { none: where === 'a server' ? 'org_by_server' : 'org_by_database' }
    const imported = await importFile(target, file, bounds, marksIn(join(folder, 'marks'), where))
    const quarantined = [{ key: expect.stringMatching(/large|t/), reason: 'it is larger than 32 MB' }]
    expect(imported).toMatchObject({ read: 3, quarantined, counts: { quarantined: 1, conflicts: 0 } })
    expect(imported.inserted + imported.unchanged).toBe(2)
    expect(await compareFile(target, file, bounds)).toMatchObject({ equal: false, matched: 2, quarantined, counts: { quarantined: 1 } })
  },
)
