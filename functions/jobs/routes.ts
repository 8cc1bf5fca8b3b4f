import { routesOf } from '../../shared/http/route.ts'
import type { Job } from '../../shared/job.ts'
import type { Runner } from './run.ts'
import { JobRun, RunFilter } from './schema.ts'
import type { RunStore } from './store.ts'

const route = routesOf<{ runs: RunStore; run: Runner }>()

/** A job as a route: what Cloud Scheduler asks for. */
export const jobRoute = (job: Job) =>
  route({
    method: 'post',
    path: `/${job.name}`,
    summary: `${job.summary}; 202 with its run while it is under way already`,
    role: 'platform',
    reads: true, // a job is safe to repeat, and too long for the transaction of an Idempotency-Key
    returns: JobRun,
    handle: async ({ scope }, deps) => {
      const { run, ours } = await deps.run(scope, job)
      return { reply: { status: ours ? 200 : 202, headers: { 'content-type': 'application/json' }, body: run.json } }
    },
  })

export const runRoutes = [
  route({
    method: 'get',
    path: '/runs',
    summary: 'List the runs of jobs, newest first',
    role: 'platform',
    query: RunFilter,
    lists: JobRun,
    handle: ({ query, scope, slice }, { runs }) => runs.list(scope, slice, query),
  }),
]
