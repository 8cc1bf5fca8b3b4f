import type { Scope } from './db/scope.ts'

/**
 * Work that a scheduler asks for. It runs once at a time, is safe to repeat, and takes up where an interrupted run stopped:
 * it commits in small steps, none longer than a statement may run.
 */
export type Job = {
  name: string
  summary: string
  /** Does what there is to do, as `scope` (the role agenthub_jobs); answers how many rows it worked on. */
  run(scope: Scope): Promise<number>
}
