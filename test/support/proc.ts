import { readdirSync, readFileSync } from 'node:fs'

/** The parent of a process; undefined where there is none, or one that has ended. Linux only. */
const processOf = (pid: number | string): { parent: number } | undefined => {
  try {
    const [state = '', parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return state === 'Z' ? undefined : { parent: Number(parent) }
  } catch {
    return undefined
  }
}

export const isRunning = (pid: number): boolean => processOf(pid) !== undefined

export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && processOf(name)?.parent === pid)
    .map(Number)
