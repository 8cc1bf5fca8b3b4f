import type { Columns, Statement } from '../../shared/db/batch.ts'
import { type Database, plain, type Run } from '../../shared/db/database.ts'
import { jsonOf, NEWEST, oneRow, toPage, toRow } from '../../shared/db/rows.ts'
import { acrossOrganizations, type Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { JobRun } from './schema.ts'
import type { Ended, RunStore } from './store.ts'

const json = jsonOf('id, name, iso(started_at) as started_at, iso(finished_at) as finished_at, outcome, rows, error')

/** A run has no version: nothing is written with If-Match here. A lost one is recorded as failed only when its job begins again. */
const list = `with run as (
  select id, name, started_at, finished_at, case when id = any (array(select lost_runs())) then 'lost' else outcome end as outcome, rows, error
  from job_runs
)
select id, 0, ${json}, iso(started_at), id from run
where (started_at, id) < ($2::timestamptz, $3)
  and ($4::text is null or name = $4)
  and ($5::text is null or outcome = $5)
order by started_at desc, id desc
limit $1::int + 1`

const start = (name: string, id: string): Statement => ({
  name: 'jobs.start',
  text: `select id, 0, ${json} from start_job($1, $2)`,
  values: [name, id],
})

const finish = (id: string, ended: Ended): Statement => ({
  name: 'jobs.finish',
  text: `update job_runs set outcome = $2, finished_at = clock_timestamp(), rows = $3, error = $4 where id = $1 returning id, 0, ${json}`,
  values: 'error' in ended ? [id, 'failed', 0, ended.error.message] : [id, 'succeeded', ended.rows, null],
})

const unlock = (name: string): Statement => ({ name: 'jobs.unlock', text: 'select pg_advisory_unlock(job_lock($1))', values: [name] })

/** How often, and how long apart (ms), a run is looked for whose session has the lock but has not recorded it yet. */
const LOOKS = 20
const LOOK_MS = 50

/**
 * Runs in Postgres. `single`: all of this process is one session (the embedded engine), which holds a job's lock whoever uses it, so
 * that a job may let others use it; elsewhere the lock is the lent connection's.
 */
export const postgresRuns = (db: Database, single = false): RunStore => ({
  list: async (scope, slice, { name = null, outcome = null }) => {
    const values = [slice.limit, ...(slice.after ?? NEWEST), name, outcome]
    return toPage<JobRun>(await db.read(acrossOrganizations(scope), { name: 'jobs.list', text: list, values }), slice)
  },
  alone: async (scope, name, id, begun, work) => {
    const across = acrossOrganizations(scope)
    let ended: Ended | undefined
    try {
      return await db.session(async (send, rest) => {
        const lent = { ...across, lent: on(send), rest: single ? rest : undefined }
        let theirs = false
        try {
          const run = await begin(async () => oneRow<JobRun>(await db.write(lent, start(name, id))))
          theirs = run.id !== id
          if (theirs) return run
          begun(run)
          ended = await work(lent)
          return toRow<JobRun>((await db.write(lent, finish(id, ended)))[0] as Columns)
        } finally {
          if (!theirs) await db.write(lent, unlock(name))
        }
      })
    } catch (error) {
      if (ended === undefined) throw error
      // the connection is lost, and the lock with it: what is done is done, and is recorded over another
      return toRow<JobRun>((await db.write(across, finish(id, ended)))[0] as Columns)
    }
  },
})

const begin = async <R>(look: () => Promise<R | undefined>): Promise<R> => {
  for (let n = 0; n < LOOKS; n++) {
    const run = await look()
    if (run) return run
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
  throw new Refusal('unavailable', 'another process is about to begin or to end this job', { retryAfter: 1 })
}

/** A connection whose batches stand alone: one that begins a transaction and fails is undone. */
const on =
  (send: Run): NonNullable<Scope['lent']> =>
  async statements => {
    try {
      return await send(statements)
    } catch (error) {
      if (statements[0]?.text.startsWith('begin')) await send([plain('rollback')])
      throw error
    }
  }
