import { text } from '../../shared/cache/codecs.ts'
import { withSystemRoutes } from '../../shared/http/system.ts'
import { inPostgresAlone } from '../../shared/migration/alone.ts'
import type { Shared } from '../../shared/shared.ts'
import { eventCollection, metricCollection } from './collections.ts'
import { metricRoutes } from './metrics.routes.ts'
import { postgresReports } from './reports.postgres.ts'
import { eventRoutes } from './routes.ts'
import { postgresCounts } from './timeseries.postgres.ts'

/** Report answers, of up to 1 MB each. */
const REPORTS = { seconds: 24 * 3600, bytes: 32 * 1024 * 1024 }

/** The analytics function. */
export const makeAnalytics = ({ db, stage, cache }: Shared) => {
  const events = stage(eventCollection())
  const metrics = stage(metricCollection())
  const stores = {
    counts: inPostgresAlone(events, postgresCounts(db)),
    reports: inPostgresAlone(events, postgresReports(db, cache({ name: 'reports', codec: text, ...REPORTS }))),
    get events() {
      return events.store
    },
    get metrics() {
      return metrics.store
    },
  }
  return withSystemRoutes(
    'analytics',
    [...eventRoutes, ...metricRoutes].map(route => route(stores)),
    db,
  )
}
