import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'

/** One replacement of text in a file under shared/. */
export type Edit = { file: string; from: string; to: string }

const root = new URL('../../../', import.meta.url).pathname

/**
 * Pages and chunks of two entries, so that a fill, a comparison and a copy are more than one trip; ids of runs that cost nothing; and
 * a method for the getter, for which V8 makes a shape for every object, at the price of half of all else that a start costs.
 */
const always: Edit[] = [
  { file: 'migration/postgres.ts', from: 'const PAGE = 2000', to: 'const PAGE = 2' },
  { file: 'migration/postgres.ts', from: 'const STAMPS = 20_000', to: 'const STAMPS = 2' },
  { file: 'migration/catchup.ts', from: 'const CHUNK = 1000', to: 'const CHUNK = 2' },
  { file: 'migration/catchup.ts', from: 'const ENOUGH = 300', to: 'const ENOUGH = 1' },
  { file: 'migration/staged.ts', from: 'get store() {', to: 'present() {' },
  { file: 'migration/verify.ts', from: "newId('run')", to: 'String(Math.random())' },
]

/**
 * Builds the fuzzer and the real code of shared/ with its text replaced, as one file that a thread can run. Fails when a text to
 * replace is not found exactly once.
 */
export const bundle = async (edits: readonly Edit[] = []): Promise<{ file: string; remove: () => void }> => {
  const open = new Set([...always, ...edits])
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-fuzz-'))
  const file = join(folder, 'fuzz.mjs')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const replaced = (path: string) => {
    let contents = readFileSync(path, 'utf8')
    for (const edit of open)
      if (path === `${root}shared/${edit.file}`) {
        if (contents.split(edit.from).length !== 2) throw new Error(`${edit.file} does not have once: ${edit.from}`)
        contents = contents.replace(edit.from, () => edit.to)
        open.delete(edit)
      }
    return { contents, loader: 'ts' as const }
  }
  try {
    await build({
      entryPoints: [`${root}test/migration/simulation/thread.ts`],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: file,
      logLevel: 'silent',
      plugins: [{ name: 'edits', setup: builder => builder.onLoad({ filter: /\/shared\/.*\.ts$/ }, ({ path }) => replaced(path)) }],
    })
    if (open.size > 0) throw new Error(`nothing was replaced in ${[...open].map(edit => edit.file).join()}`)
    return { file, remove }
  } catch (error) {
    remove()
    throw error
  }
}
