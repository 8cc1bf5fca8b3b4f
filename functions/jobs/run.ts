import type { Scope } from '../../shared/db/scope.ts'
import { Refusal, statusOf } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import type { Job } from '../../shared/job.ts'
import type { Log } from '../../shared/observe/log.ts'
import type { Metrics } from '../../shared/observe/metrics.ts'
import type { Row } from '../../shared/record.ts'
import type { JobRun } from './schema.ts'
import type { Ended, RunStore } from './store.ts'

/** Runs jobs, each once at a time: `ours` tells a run that this call has made from one that was under way. */
export type Runner = (scope: Scope, job: Job) => Promise<{ run: Row<JobRun>; ours: boolean }>

/**
 * A runner over the store of runs. A failed run is in the log and in the metrics, and throws: unavailable where the database was
 * away, else internal. Either makes the scheduler try again.
 */
export const makeRunner = (runs: RunStore, log: Log, metrics: Metrics): Runner => {
  /** What this process is at. The store would tell as well, but an embedded engine has one connection, and the run holds it. */
  const underWay = new Map<string, Promise<Row<JobRun>>>()

  const attempt = async (scope: Scope, job: Job, id: string): Promise<Ended> => {
    const start = performance.now()
    const ended = await job.run(scope).then(
      rows => ({ rows }),
      (error: Error) => ({ error }),
    )
    metrics.job(job.name, (performance.now() - start) / 1000, 'error' in ended ? 'failed' : 'succeeded')
    if ('error' in ended) log('error', 'a job failed', { job: job.name, run: id, error: ended.error, trace: scope.trace })
    return ended
  }

  const whole = async (scope: Scope, job: Job, id: string, begun: (run: Row<JobRun>) => void): Promise<Row<JobRun>> => {
    let ended: Ended | undefined
    const run = await runs.alone(scope, job.name, id, begun, async lent => {
      ended = await attempt(lent, job, id)
      return ended
    })
    if (ended && 'error' in ended) throw failed(job.name, id, ended.error)
    return run
  }

  return async (scope, job) => {
    const theirs = underWay.get(job.name)
    if (theirs !== undefined) return { run: await theirs, ours: false }
    const id = newId('run')
    const { begun, finished } = told<Row<JobRun>>(tell => whole(scope, job, id, tell))
    underWay.set(job.name, begun)
    try {
      const run = await finished
      return { run, ours: run.id === id }
    } finally {
      underWay.delete(job.name)
    }
  }
}

/** Work that tells of its beginning: that (or its end, where it never began) and its end. */
const told = <T>(work: (tell: (value: T) => void) => Promise<T>): { begun: Promise<T>; finished: Promise<T> } => {
  let tell!: (value: T) => void
  const beginning = new Promise<T>(resolve => {
    tell = resolve
  })
  const finished = work(tell)
  const begun = Promise.race([beginning, finished])
  begun.catch(() => {}) // `finished` throws the same, and is always waited for
  return { begun, finished }
}

const failed = (name: string, id: string, cause: Error): Refusal => {
  const away = cause instanceof Refusal && statusOf[cause.code] === 503
  return new Refusal(away ? 'unavailable' : 'internal', `the job ${name} failed: its run ${id} says why`, {
    cause,
    ...(away ? { retryAfter: cause.retryAfter ?? 1 } : {}),
  })
}
