import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Somebody else holds the directory. */
export class DirectoryLocked extends Error {}

/**
 * Takes a directory for this process by a lock file that names its process id, and returns how to give it back.
 * The embedded engine has no lock of its own: two processes on one directory silently lose data.
 * A file whose process is gone (killed) is taken over. Throws DirectoryLocked while its process lives.
 */
export const lockDirectory = (directory: string): (() => void) => {
  const file = join(directory, 'lock')
  for (let attempt = 1; ; attempt++) {
    try {
      const descriptor = openSync(file, 'wx', 0o600)
      writeSync(descriptor, identity(process.pid))
      closeSync(descriptor)
      return release(file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const holder = readFileSync(file, 'utf8')
      const pid = Number.parseInt(holder, 10)
      if (attempt > 3 || (Number.isInteger(pid) && pid !== process.pid && isAlive(pid) && identity(pid) === holder))
        throw new DirectoryLocked(`${directory} is in use by process ${pid}: stop it, or set DATA_DIR to another folder`)
      rmSync(file, { force: true })
    }
  }
}

/** Takes the file away once: when it is given back, or as the process exits without having done so. */
const release = (file: string): (() => void) => {
  const unlock = () => {
    process.removeListener('exit', unlock)
    rmSync(file, { force: true })
  }
  process.once('exit', unlock)
  return unlock
}

/** The process id and, where /proc has it, the time the process began: a number used again is another process. */
const identity = (pid: number): string => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')
    return `${pid} ${fields?.[19]}`
  } catch {
    return `${pid}`
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
