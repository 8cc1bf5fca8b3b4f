import type { Scope } from '../../shared/db/scope.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { JobRun, RunFilter } from './schema.ts'

/** How a run ended. */
export type Ended = { rows: number } | { error: Error }

/** The runs of jobs. */
export type RunStore = {
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: RunFilter): Promise<Page<JobRun>>
  /**
   * Records run `id` of a job and does its work while no other session does, then records how it ended: `work` is given a scope
   * whose statements run on the connection that holds the lock. `begun` hears of the run before its work. While another session
   * is at it: that one's run, as it is. Throws unavailable when neither can be told.
   */
  alone(scope: Scope, name: string, id: string, begun: (run: Row<JobRun>) => void, work: Work): Promise<Row<JobRun>>
}

export type Work = (scope: Scope) => Promise<Ended>
