/**
 * `npm run archives`: one archive a function, with what that needs and nothing else, named by its contents, in dist/archives; and
 * archives.tfvars.json beside them, which tells Terraform.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { partsOf, targets } from '../functions/main.ts'
import { bundle } from './bundle.ts'
import { lockOf } from './lock.ts'
import { type Entry, zip } from './zip.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path))

/** What a function loads by a name that no import shows. */
const BESIDES: Record<string, { installed?: string[]; files?: () => Entry[] }> = {
  gateway: { installed: ['swagger-ui-dist'] },
  schema: { files: () => readdirSync(join(root, 'sql')).map(file => ({ path: `sql/${file}`, data: read(`sql/${file}`) })) },
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)

/** The files of a function's archive, in order. */
export const entriesOf = async (target: string): Promise<Entry[]> => {
  const { files, installed } = await bundle(root, partsOf(target))
  const { engines, type } = JSON.parse(read('package.json').toString())
  const name = `agenthub-${target}`
  const needed = ['@google-cloud/functions-framework', ...installed, ...(BESIDES[target]?.installed ?? [])]
  const lock = lockOf(JSON.parse(read('package-lock.json').toString()), name, [...new Set(needed)].sort())
  const manifest = { name, private: true, type, main: 'dist/index.mjs', engines, dependencies: lock.packages['']?.dependencies }
  return [
    ...files,
    ...(BESIDES[target]?.files?.() ?? []),
    { path: 'package.json', data: json(manifest) },
    { path: 'package-lock.json', data: json(lock) },
  ].sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** SHA-256 over the names and contents of the files: whatever packs them, the same files are the same archive. */
export const hashOf = (entries: readonly Entry[]): string => {
  const hash = createHash('sha256')
  for (const { path, data } of entries) hash.update(`${path}\0${data.length}\0`).update(data)
  return hash.digest('hex')
}

type Archives = Record<string, { path: string; hash: string }>

/** Writes the archives of `chosen` into `folder`, each also unpacked beside its zip, and returns where they are. */
export const archive = async (folder: string, chosen: readonly string[]): Promise<Archives> => {
  rmSync(folder, { recursive: true, force: true })
  const archives: Archives = {}
  for (const target of chosen) {
    const entries = await entriesOf(target)
    const hash = hashOf(entries)
    for (const { path, data } of entries) {
      const place = join(folder, target, path)
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, data)
    }
    const path = join(folder, `${target}-${hash}.zip`)
    writeFileSync(path, zip(entries))
    archives[target] = { path, hash }
  }
  return archives
}

/** What Terraform is told: paths from its own folder on, since to it another path is another object, whatever checkout it runs in. */
export const tfvarsOf = (archives: Archives): Buffer => {
  const told = Object.entries(archives).map(([target, { path, hash }]) => [target, { path: relative(join(root, 'terraform'), path), hash }])
  return json({ archives: Object.fromEntries(told) })
}

const main = async (): Promise<void> => {
  const folder = join(root, 'dist/archives')
  const archives = await archive(folder, targets)
  writeFileSync(join(folder, 'archives.tfvars.json'), tfvarsOf(archives))
  for (const [target, { path, hash }] of Object.entries(archives))
    process.stdout.write(`${target.padEnd(14)} ${String(Math.ceil(readFileSync(path).length / 1024)).padStart(5)} KB  ${hash}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
