import type { Database } from '../../shared/db/database.ts'
import { purgeAll } from '../../shared/db/purge.ts'
import type { Part } from '../../shared/job.ts'

/** The keys of comparisons in parts that nobody ended within a day. */
export const purgeComparisons = (db: Database): Part =>
  purgeAll(
    db,
    'migration_compared',
    `delete from migration_compared where (run, collection, part) in (
  select run, collection, part from migration_compared where created_at < now() - interval '1 day' order by created_at limit $1::int
) returning part`,
  )
