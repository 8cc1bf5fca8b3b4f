import { existsSync, readFileSync } from 'node:fs'

/** Seconds that the processors spent on a process so far, a hundredth at best; undefined where it cannot be looked at. Linux only. */
const workOf = (pid: number): number | undefined => {
  if (!existsSync(`/proc/${pid}/stat`)) return undefined
  const [user, system] = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) as string).split(' ').slice(11, 13)
  return (Number(user) + Number(system)) / 100
}

/** What some processes have worked between two looks at them, in seconds: a busy machine lengthens it less than the clock. */
export const worked = (before: Map<number, number>, pids: readonly number[]): number =>
  pids.reduce((sum, pid) => sum + Math.max(0, (workOf(pid) ?? 0) - (before.get(pid) ?? 0)), 0)

export const look = (pids: readonly number[]): Map<number, number> => new Map(pids.map(pid => [pid, workOf(pid) ?? 0]))
