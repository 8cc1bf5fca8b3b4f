import { purgeTombstones } from '../../shared/db/purge.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import { type Job, jobOf } from '../../shared/job.ts'
import { openObjects } from '../../shared/objects/open.ts'
import type { Shared } from '../../shared/shared.ts'
import { eventPartitions, purgeEvents, purgeMetrics, refreshReports } from '../analytics/jobs.postgres.ts'
import { headsIn } from '../audit/heads.ts'
import { auditPartitions } from '../audit/jobs.postgres.ts'
import { postgresSeals } from '../audit/seal.postgres.ts'
import { sealAudit } from '../audit/seal.ts'
import { postgresCompletions } from '../knowledge/complete.postgres.ts'
import { completion } from '../knowledge/complete.ts'
import { purgeEmbeddings } from '../knowledge/jobs.postgres.ts'
import { purgeComparisons } from '../migration/jobs.postgres.ts'
import { purgeSessions } from '../organizations/jobs.postgres.ts'
import { paymentsJob } from '../payments/index.ts'
import { postgresCuts } from '../rag/cut.postgres.ts'
import { cutDocuments } from '../rag/cut.ts'
import { postgresRuns } from './postgres.ts'
import { purgeIdempotencyKeys, purgeRuns } from './purge.postgres.ts'
import { jobRoute, runRoutes } from './routes.ts'
import { makeRunner } from './run.ts'

/** Every job there is. A domain adds its own here, or its part to one that is here. */
const jobsOf = ({ db, log, config, embeddings }: Shared): Job[] => [
  refreshReports(db),
  jobOf('maintain-partitions', 'Make the partitions of the months to come', [auditPartitions(db), eventPartitions(db, log)]),
  jobOf('purge-expired', 'Remove what has expired: kept answers, sessions, tombstones, metrics, vectors, old events, old runs', [
    purgeIdempotencyKeys(db),
    purgeSessions(db),
    purgeTombstones(db, 'agents'),
    purgeTombstones(db, 'counters'),
    purgeTombstones(db, 'conversations'),
    purgeTombstones(db, 'database', 'data_records'),
    purgeTombstones(db, 'tables', 'data_tables'),
    purgeTombstones(db, 'knowledge_base', 'knowledge_entries'),
    purgeTombstones(db, 'documents_store', 'rag_documents'),
    purgeTombstones(db, 'faqs_store', 'faqs'),
    purgeMetrics(db),
    purgeEmbeddings(db, config.embeddingDays),
    purgeEvents(db, config.eventMonths),
    purgeComparisons(db),
    purgeRuns(db),
  ]),
  jobOf(
    'complete-embeddings',
    'Cut up the documents that wait for it, make the vectors that items wait for, and all of them anew where the model has changed',
    [cutDocuments(postgresCuts(db)), ...(embeddings ? completion(postgresCompletions(db), embeddings) : [])],
  ),
  paymentsJob({ db, log, config }),
  sealAudit(postgresSeals(db), headsIn(openObjects(config.auditHeads)), log),
]

/** The jobs function: what Cloud Scheduler asks for. */
export const makeJobs = (shared: Shared) => {
  const { db, log, metrics, config } = shared
  const runs = postgresRuns(db, config.database.kind === 'embedded')
  const deps = { runs, run: makeRunner(runs, log, metrics) }
  const routes = [...jobsOf(shared).map(jobRoute), ...runRoutes].map(route => route(deps))
  return withSystemRoutes('jobs', routes, db)
}
