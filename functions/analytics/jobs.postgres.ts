import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { purgeTombstones } from '../../shared/db/purge.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { type Job, jobOf, type Part } from '../../shared/job.ts'
import type { Log } from '../../shared/observe/log.ts'
import { ReportName } from './reports.schema.ts'
import { rollUpEvents } from './rollups.postgres.ts'

/** Months that have their partition before they begin, beside the present one. */
const AHEAD = 12

const makeAhead = `select make_event_months(array(
  select (date_trunc('month', now() at time zone 'UTC') + n * interval '1 month')::date from generate_series(0, $1::int) n))`

/**
 * The partitions of the months to come; and what lies in the default one, because its month could not be made in time, moves to
 * where it belongs. That it lay there is told in the log; that it must stay fails the job.
 */
export const eventPartitions = (db: Database, log: Log): Part => ({
  name: 'partitions of analytics_events',
  run: async scope => {
    for (;;) {
      const [row] = await db.write(scope, { name: 'events.empty_default', text: 'select empty_event_default()', values: [] })
      const month = row?.[0]
      if (!month) break
      log('warning', 'events lay in the default partition', { month })
    }
    const [row] = await db.write(scope, { name: 'events.make_ahead', text: makeAhead, values: [AHEAD] })
    return Number(row?.[0])
  },
})

/** Each report by itself, beside its readers; what is new is rolled up first. */
export const refreshReports = (db: Database): Job =>
  jobOf('refresh-reports', 'Count what has come in since, and bring the reports up to date', [
    rollUpEvents(db),
    ...ReportName.options.map(name => ({
      name: `refresh ${name}`,
      run: async (scope: Scope) => {
        await db.write(scope, { name: 'reports.refresh', text: 'select refresh_report($1)', values: [name] })
        return 1
      },
    })),
  ])

/** Metrics that have expired or were removed; imported ones stay for 30 days. */
export const purgeMetrics = (db: Database): Part =>
  purgeTombstones(
    db,
    'metrics_cache',
    'metrics_cache',
    "expires_at < now() and ((extra ? 'imported') is not true or updated_at < now() - interval '30 days')",
  )

/** Keys of a page of a month's events, by the partition that goes with them. */
const pruneKeys = `with page as materialized (
  select organization_id, id from analytics_events
  where created_at >= $1::date::timestamp at time zone 'UTC' and created_at < ($1::date + interval '1 month') at time zone 'UTC'
    and (organization_id, id) > ($2, $3)
  order by organization_id, id
  limit $4::int
), gone as (
  delete from analytics_event_keys k using page
  where k.organization_id = page.organization_id and k.id = page.id
    and k.created_at >= $1::date::timestamp at time zone 'UTC' and k.created_at < ($1::date + interval '1 month') at time zone 'UTC'
)
select (select count(*) from page), organization_id, id from page order by organization_id desc, id desc limit 1`

const closeMonths = `with closed as materialized (select close_event_months(now() - make_interval(months => $1::int)) as before)
select month from event_months() month, closed where (month + interval '1 month') at time zone 'UTC' <= closed.before order by 1`

const PAGE = 5000
const TRIES = 10

/**
 * The events of months that are over for longer than they are kept (`months`; not set: all are kept). A month is closed, so that no
 * event of it comes in any more once those that write have ended; its keys go in small steps; its partition goes once all of it is in
 * the rollups, which stay.
 */
export const purgeEvents = (db: Database, months: number | undefined): Part => {
  const rollUp = rollUpEvents(db)

  const prune = async (scope: Scope, month: string): Promise<number> => {
    let [pruned, after] = [0, ['', ''] as Columns]
    for (;;) {
      const [row] = await db.write(scope, { name: 'events.prune_keys', text: pruneKeys, values: [month, ...after, PAGE] })
      if (!row) return pruned
      const [seen, ...last] = row
      pruned += Number(seen)
      if (Number(seen) < PAGE) return pruned
      after = last
    }
  }

  const drop = async (scope: Scope, month: string): Promise<void> => {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      await rollUp.run(scope)
      const [row] = await db.write(scope, { name: 'events.drop_month', text: 'select drop_event_month($1::date)', values: [month] })
      if (row?.[0] === 't') return
    }
    throw new Error(`events of ${month} are still being counted`)
  }

  return {
    name: 'purge analytics_events',
    run: async scope => {
      if (months === undefined) return 0
      const over = await db.write(scope, { name: 'events.close_months', text: closeMonths, values: [months] })
      if (over.length > 0) await db.write(scope, { name: 'events.await_writers', text: 'select await_event_writers()', values: [] })
      let purged = 0
      for (const [month] of over) {
        purged += await prune(scope, month as string)
        await drop(scope, month as string)
      }
      return purged
    },
  }
}
