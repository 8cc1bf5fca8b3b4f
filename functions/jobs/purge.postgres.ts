import type { Database } from '../../shared/db/database.ts'
import { purge, purgeAll } from '../../shared/db/purge.ts'
import type { Part } from '../../shared/job.ts'

/** Answers kept for replays: a key is free again after 24 hours, whether or not its row is gone. */
export const purgeIdempotencyKeys = (db: Database): Part =>
  purge(db, { table: 'idempotency_keys', when: "created_at < now() - interval '24 hours'" })

/** The runs of jobs of more than 90 days ago. */
export const purgeRuns = (db: Database): Part =>
  purgeAll(
    db,
    'job_runs',
    `delete from job_runs where id in (
  select id from job_runs where started_at < now() - interval '90 days' and outcome <> 'running' order by started_at limit $1::int
) returning id`,
  )
