import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import * as idempotency from '../../../shared/db/idempotency.ts'
import * as refusals from '../../../shared/db/refusals.ts'
import * as rows from '../../../shared/db/rows.ts'
import * as scopes from '../../../shared/db/scope.ts'
import * as errors from '../../../shared/errors.ts'
import * as memory from '../../../shared/memory.ts'
import * as staged from '../../../shared/migration/staged.ts'
import { type Found, schedule } from './fuzz.ts'
import type { Place } from './moods.ts'
import { drainWith } from './world.ts'

/** What a thread is to run: every `step`-th seed from `first` to `last`; it stops at the first violation. */
export type Task = { first: number; last: number; step: number; faults: string[]; place: Place | undefined }
export type Result = { run: number; found: Found | undefined; counts: Map<string, number> }

const code = { ...errors, ...memory, ...staged, ...rows, ...scopes, ...idempotency, ...refusals }

// Microtasks drained by V8 itself, from outside any: nothing of the process's own may come between two events.
setFlagsFromString('--allow-natives-syntax')
drainWith(new Function('%PerformMicrotaskCheckpoint()') as () => void)
Error.stackTraceLimit = 0

const run = ({ first, last, step, faults, place }: Task): Result => {
  const counts = new Map<string, number>()
  const set = new Set(faults)
  let run = 0
  for (let seed = first; seed <= last; seed += step) {
    run++
    if (schedule(code, seed, set, counts, false, place)) return { run, found: schedule(code, seed, set, new Map(), true, place), counts }
  }
  return { run, found: undefined, counts }
}

setImmediate(() => parentPort?.postMessage(run(workerData as Task)))
