import { Worker } from 'node:worker_threads'
import { bundle, type Edit } from './bundle.ts'
import type { Found } from './fuzz.ts'
import type { Place } from './moods.ts'
import type { Result, Task } from './thread.ts'

export type Outcome = { run: number; seconds: number; found: Found | undefined; counts: Map<string, number> }

const inThread = (file: string, task: Task): Promise<Result> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData: task })
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', code => reject(new Error(`a thread ended with ${code}`)))
  })

/** Runs seeds `first` to `last` in `threads` threads, each to its first violation. The violation of the smallest seed is told. */
export const fuzz = async (
  {
    first = 1,
    last,
    threads = 2,
    faults = [],
    place,
  }: { first?: number; last: number; threads?: number; faults?: string[]; place?: Place | undefined },
  edits: readonly Edit[] = [],
): Promise<Outcome> => {
  const { file, remove } = await bundle(edits)
  const start = performance.now()
  try {
    const tasks = Array.from({ length: threads }, (_, i): Task => ({ first: first + i, last, step: threads, faults, place }))
    const results = await Promise.all(tasks.map(task => inThread(file, task)))
    const counts = new Map<string, number>()
    for (const result of results) for (const [what, n] of result.counts) counts.set(what, (counts.get(what) ?? 0) + n)
    const found = results.flatMap(one => one.found ?? []).sort((a, b) => a.seed - b.seed)[0]
    return { run: results.reduce((sum, one) => sum + one.run, 0), seconds: (performance.now() - start) / 1000, found, counts }
  } finally {
    remove()
  }
}
