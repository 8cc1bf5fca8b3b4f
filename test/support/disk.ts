import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small file system of its own, which can be filled to the last byte. */
export type Disk = { folder: string; fill(): void; free(): void; remove(): void }

/** Throws where this user may not mount. */
export const makeDisk = (megabytes: number): Disk => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'agenthub', folder], { stdio: 'pipe' })
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill: () => {
      const file = openSync(ballast, 'a')
      for (const part of [Buffer.alloc(2 ** 20), Buffer.alloc(4096)]) while (fits(file, part));
      closeSync(file)
    },
    free: () => rmSync(ballast, { force: true }),
    remove: () => {
      execFileSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true })
    },
  }
}

/** What is missing where no disk can be made. */
export const noDisk = (() => {
  try {
    makeDisk(1).remove()
    return undefined
  } catch (error) {
    return `no file system of its own can be mounted here: ${(error as Error).message.split('\n')[1] ?? error}`
  }
})()

const fits = (file: number, part: Buffer): boolean => {
  try {
    return writeSync(file, part) === part.length
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}
