import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = new URL('..', import.meta.url).pathname
const DIRECTION = 'noRestrictedImports'

/** Each file, the rule that it breaks, and how. */
const wrong: [file: string, rule: string, line: string][] = [
  ['shared/up.ts', DIRECTION, `import { x } from '../functions/main.ts'`],
  ['shared/db/up.ts', DIRECTION, `export const x = () => import('../../functions/agents/index.ts')`],
  ['shared/tested.ts', DIRECTION, `import { x } from '../test/support/http.ts'`],
  ['functions/a/schema.ts', DIRECTION, `import { x } from './store.ts'`],
  ['functions/b/schema.ts', DIRECTION, `import { x } from 'pg'`],
  ['functions/c/some.schema.ts', DIRECTION, `import { x } from '../agents/schema.ts'`],
  ['functions/a/store.ts', DIRECTION, `import { x } from './postgres.ts'`],
  ['functions/b/store.ts', DIRECTION, `import type { X } from 'pg'`],
  ['functions/c/store.ts', DIRECTION, `import type { X } from '../agents/store.ts'`],
  ['functions/a/routes.ts', DIRECTION, `import { x } from './postgres.ts'`],
  ['functions/b/routes.ts', DIRECTION, `import { x } from './memory.ts'`],
  ['functions/c/routes.ts', DIRECTION, `import { x } from './legacy.ts'`],
  ['functions/d/routes.ts', DIRECTION, `import { x } from './index.ts'`],
  ['functions/a/some.routes.ts', DIRECTION, `import { x } from './some.postgres.ts'`],
  ['functions/b/some.routes.ts', DIRECTION, `import { x } from '../agents/postgres.ts'`],
  ['functions/c/some.routes.ts', DIRECTION, `import { x } from '../agents/index.ts'`],
  ['functions/a/found.ts', DIRECTION, `import { x } from './postgres.ts'`],
  ['functions/b/found.ts', DIRECTION, `import { x } from '../main.ts'`],
  ['functions/c/found.ts', DIRECTION, `import { x } from '../agents/schema.ts'`],
  ['functions/d/found.ts', DIRECTION, `export { x } from '../../functions/agents/postgres.ts'`],
  ['functions/a/postgres.ts', DIRECTION, `import { x } from './routes.ts'`],
  ['functions/b/some.postgres.ts', DIRECTION, `import { x } from './some.routes.ts'`],
  ['functions/c/postgres.ts', DIRECTION, `import { x } from '../agents/postgres.ts'`],
  ['functions/a/memory.ts', DIRECTION, `import { x } from './routes.ts'`],
  ['functions/b/memory.ts', DIRECTION, `import { x } from '../agents/memory.ts'`],
  ['functions/a/legacy.ts', DIRECTION, `import { x } from './index.ts'`],
  ['functions/a/index.ts', DIRECTION, `import { x } from '../main.ts'`],
  ['functions/begin.ts', DIRECTION, `import { x } from './agents/postgres.ts'`],
  ['functions/e/routes.ts', 'plugin', `import { x } from '../agents/store.ts'`],
  ['functions/e/memory.ts', 'plugin', `import { type X, y } from '../agents/store.ts'`],
  ['functions/round.ts', 'noImportCycles', `export { x } from './about.ts'`],
  ['functions/about.ts', 'noImportCycles', `import type { x } from './round.ts'`],
  ['functions/f/routes.ts', 'noProcessEnv', 'export const x = process.env.HOME'],
  ['functions/g/routes.ts', 'plugin', `import { env } from 'node:process'`],
  ['functions/h/routes.ts', 'plugin', 'export const { env } = process'],
  ['test/home.ts', 'plugin', 'export const x = process.env.HOME'],
  ['test/whole.ts', 'plugin', 'export const x = { ...process.env }'],
  ['functions/i/routes.ts', 'plugin', "export const x = 'select id from agents'"],
  ['functions/j/routes.ts', 'plugin', 'export const x = `\n  INSERT INTO agents values ($1)`'],
  ['functions/k/memory.ts', 'plugin', 'export const x = `update agents\nset name = $1`'],
  ['functions/l/found.ts', 'plugin', "export const x = 'delete from agents'"],
  ['functions/m/store.ts', 'plugin', 'export const x = `with old as (select 1) table old`'],
  ['shared/http/sql.ts', 'plugin', "export const x = 'select authenticate($1)'"],
  ['functions/n/index.ts', 'plugin', "export const x = 'create table agents (id text)'"],
  ['functions/o/routes.ts', 'noExplicitAny', 'export const x = (y: any) => y'],
  ['functions/p/routes.ts', 'noNonNullAssertion', 'export const x = (y?: string) => y!.length'],
  ['functions/q/routes.ts', 'noFloatingPromises', 'const x = async () => 1\nexport const y = () => {\n  x()\n}'],
  ['functions/r/routes.ts', 'noUnusedVariables', 'const x = 1'],
  ['functions/s/routes.ts', 'noUndeclaredDependencies', `import { x } from 'left-pad'`],
  ['functions/t/routes.ts', 'noConsole', `console.log('here')`],
  ['functions/u/routes.ts', 'noDefaultExport', 'export default 1'],
  ['functions/v/routes.ts', 'noEnum', 'export enum X {\n  A,\n}'],
  ['functions/w/routes.ts', 'noExcessiveLinesPerFile', 'export {}\n'.repeat(201)],
  ['test/only.test.ts', 'noFocusedTests', `test.only('x', () => {})`],
]

/** Lines like those above that are in their right place. */
const right: [file: string, line: string][] = [
  ['functions/main.ts', `export const x = () => import('./agents/postgres.ts')`],
  ['functions/z/schema.ts', `import { z } from 'zod'\nimport { Id } from '../../shared/shapes.ts'\nexport const x = z.array(Id)`],
  ['functions/z/store.ts', `import type { X } from './schema.ts'\nimport type { Y } from '../../shared/y.ts'\nexport type Z = X | Y`],
  ['functions/z/routes.ts', `import type { X } from '../agents/store.ts'\nimport type { Y } from './store.ts'\nexport type Z = X | Y`],
  ['functions/z/postgres.ts', `import type { X } from './store.ts'\nexport type Z = X\nexport const x = 'select id from agents'`],
  ['functions/z/index.ts', `import { x } from './postgres.ts'\nimport { y } from '../agents/postgres.ts'\nexport const z = [x, y]`],
  ['functions/z/words.ts', `export const x = ['Select an agent from the list', 'update an agent', 'delete it']`],
  ['shared/db/z.ts', "export const x = 'select id from agents'"],
  ['shared/config.ts', '// biome-ignore lint/style/noProcessEnv: the one place\nexport const x = process.env'],
  [
    'test/z.ts',
    `import { x } from '../functions/agents/postgres.ts'\nexport const y = [x, process.env.TEST_ENGINE, 'select 1 from agents']`,
  ],
]

let found: Map<string, string[]>
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agenthub-lint-'))
  for (const name of ['biome.jsonc', '.biome', '.gitignore', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  for (const [file, line] of [...wrong.map(([file, , line]) => [file, line] as const), ...right]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), `${line}\n`)
  }
  const options = ['lint', '--reporter=json', '--max-diagnostics=none', '--no-errors-on-unmatched', '.']
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const { stdout } = await promisify(execFile)(process.execPath, [biome, ...options], { cwd: folder }).catch(failed => failed)
  found = rulesByFile(JSON.parse(stdout))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The names of the rules that complained, a file each. */
const rulesByFile = (report: { diagnostics: { category: string; location: { path: string } }[] }): Map<string, string[]> => {
  const rules = new Map<string, string[]>()
  for (const { category, location } of report.diagnostics)
    rules.set(location.path, [...(rules.get(location.path) ?? []), category.split('/').at(-1) as string])
  return rules
}

describe('the linter refuses', () => {
  test.each(wrong)('in %s what breaks %s', (file, rule) => {
    expect(found.get(file) ?? []).toContain(rule)
  })
})

describe('the linter allows', () => {
  test.each(right)('in %s: %s', file => {
    expect(found.get(file)).toBeUndefined()
  })
})
