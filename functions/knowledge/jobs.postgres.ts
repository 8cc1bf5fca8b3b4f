import type { Database } from '../../shared/db/database.ts'
import { purgeTombstones } from '../../shared/db/purge.ts'
import type { Part } from '../../shared/job.ts'

/** Kept vectors that nobody has used for so many days, imported ones like others: to come in is a use. What is searched is elsewhere. */
export const purgeEmbeddings = (db: Database, days: number): Part =>
  purgeTombstones(db, 'embeddings_cache', 'embeddings_cache', `used_at < now() - make_interval(days => ${days})`)
