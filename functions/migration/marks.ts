import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { DictionaryFile } from './files.ts'
import type { Imported } from './schema.ts'
import type { Bounds } from './store.ts'

/** How far an import of a file has got: its lines so far, and what they came to. */
export type Progressed = { lines: number; sum: Imported }

/** A mark of one file's import into one target, kept on disk until the file is through. */
export type Mark = { read(): Progressed | undefined; write(progressed: Progressed): void; forget(): void }
export type Marks = (file: DictionaryFile, bounds: Bounds) => Mark

/** Marks under `folder`. Another target, organization or content of the file is another mark. */
export const marksIn =
  (folder: string, target: string): Marks =>
  ({ path, collection }, { none }) => {
    const { size, mtimeMs } = statSync(path)
    const identity = JSON.stringify([target, collection.name, resolve(path), size, mtimeMs, none ?? null])
    const mark = join(folder, `${createHash('sha256').update(identity).digest('hex')}.json`)
    return {
      read: () => {
        try {
          return JSON.parse(readFileSync(mark, 'utf8')) as Progressed
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
          throw error
        }
      },
      write: progressed => {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        writeFileSync(`${mark}.new`, JSON.stringify(progressed), { mode: 0o600 })
        renameSync(`${mark}.new`, mark) // a kill leaves the old mark or the new one
      },
      forget: () => rmSync(mark, { force: true }),
    }
  }
