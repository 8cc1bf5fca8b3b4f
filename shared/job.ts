import type { Scope } from './db/scope.ts'

/**
 * Work that a scheduler asks for. It runs once at a time, is safe to repeat, and takes up where an interrupted run stopped:
 * it commits in small steps, none longer than a statement may run. Its stores' methods run on the connection that holds the
 * job's lock (`scope.lent`): a run that has lost its lock can write nothing more. It opens no other session.
 */
export type Job = {
  name: string
  summary: string
  /** Does what there is to do, as `scope` (the role agenthub_jobs); answers how many rows it worked on. */
  run(scope: Scope): Promise<number>
}

/** What a domain contributes to a job: named for the error that it may end with. */
export type Part = Omit<Job, 'summary'>

/** A job of several parts, one after another. One that fails keeps no other from its work; the job fails in the end. */
export const jobOf = (name: string, summary: string, parts: readonly Part[]): Job => ({
  name,
  summary,
  run: async scope => {
    let rows = 0
    const errors: Error[] = []
    for (const part of parts)
      try {
        rows += await part.run(scope)
      } catch (cause) {
        errors.push(new Error(`${part.name}: ${(cause as Error).message}`, { cause }))
      }
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('; '), { cause: errors[0]?.cause })
    return rows
  },
})
