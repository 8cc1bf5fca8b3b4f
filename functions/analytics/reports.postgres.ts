import type { Cache } from '../../shared/cache/cache.ts'
import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { invalid } from '../../shared/errors.ts'
import { PLATFORM, sha256 } from '../../shared/http/credentials.ts'
import { ReportName } from './reports.schema.ts'
import type { ReportStore } from './store.ts'

/** The most items of an answer. */
const MOST = 10_000

/**
 * What is in each report: its columns, and where the days lie that are not materialized, between $2 and $3 and before `since`. A new
 * report is an entry here, its name in reports.schema.ts, and a materialized view (sql/014). Sessions are in UTC: a date compares as its midnight there.
 */
const reports: Record<ReportName, { columns: string; older: string }> = {
  daily_events: {
    columns: 'event_type, events',
    older: `select day, value, count from event_totals, since
  where organization_id = $1 and dimension = 'event_type' and day >= $2::date and day < $3::date and day < since.at`,
  },
  agent_activity: {
    columns: "nullif(agent_id, '') as agent_id, events",
    older: `select day, coalesce(value, ''), count from event_totals, since
  where organization_id = $1 and dimension = 'agent_id' and day >= $2::date and day < $3::date and day < since.at`,
  },
  conversation_volume: {
    columns: "nullif(agent_id, '') as agent_id, conversations, messages",
    older: `select (created_at at time zone 'UTC')::date, coalesce(agent_id, ''), count(*), sum(message_count)::bigint
  from conversations, since
  where organization_id = $1 and deleted_at is null and created_at >= $2::date and created_at < $3::date and created_at < since.at
  group by 1, 2`,
  },
  revenue: {
    columns: 'currency, received, refunded, net',
    older: `select (created_at at time zone 'UTC')::date, currency, coalesce(sum(amount) filter (where amount > 0), 0),
    coalesce(-sum(amount) filter (where amount < 0), 0), sum(amount)
  from ledger_entries, since
  where organization_id = $1 and account = 'available' and created_at >= $2::date and created_at < $3::date and created_at < since.at
  group by 1, 2`,
  },
}

/**
 * One row. First the version, where the whole answer is materialized: it changes when the report is refreshed, and by nothing else. Then
 * the body, or null where it would be too long; in a look ($5), null where there is a version: then PostgreSQL does not even make it.
 */
const textOf = (name: ReportName): string => {
  const { columns, older } = reports[name]
  return `with since as materialized (
  select since as at, refreshed_at, case when since <= $2::date then (extract(epoch from refreshed_at) * 1000000)::bigint::text end as version
  from report_refreshes where name = '${name}'
), line as materialized (
  (select * from own_${name} where day >= $2::date and day < $3::date limit $4::int + 1)
  union all
  (${older} limit $4::int + 1)
)
select version, case when $5::boolean and version is not null then null when (select count(*) from line) <= $4::int then
  json_build_object('refreshed_at', iso(refreshed_at), 'items',
  (select coalesce(json_agg(row_to_json(l)), '[]') from (select day, ${columns} from line order by line.day desc, 2) l))::text end
from since`
}

const list = `select json_build_object('items', json_agg(json_build_object('name', name, 'refreshed_at', iso(refreshed_at)) order by name))::text
from report_refreshes`

const ages = `select name, extract(epoch from now() - refreshed_at) from report_refreshes where refreshed_at is not null`

/** How many seconds ago each report was refreshed, for who watches over the platform; not told while all connections are busy. */
export const reportAges = (db: Database) => async () => {
  if (!db.spare()) return []
  const scope: Scope = { organization_id: PLATFORM, caller: { kind: 'platform', actor: 'metrics' }, context: { request_id: 'metrics' } }
  const rows = await db.read(scope, { name: 'reports.ages', text: ages, values: [] })
  return rows.map(([report, age]) => [{ report: report as string }, Number(age)] as const)
}

/** Of a released statement, so that what another release made is never taken for this one's. */
const releaseOf = Object.fromEntries(ReportName.options.map(name => [name, sha256(textOf(name)).toString('base64url').slice(0, 8)]))

/**
 * Reports in Postgres: materialized days beside older ones, which are read where they are kept. Every answer takes one trip in the
 * caller's own name, which also says the version that it must have; where `cache` holds that, the trip reads nothing else.
 */
export const postgresReports = (db: Database, cache: Cache<string>): ReportStore => {
  const ask = async (scope: Scope, name: ReportName, from: string, to: string, look: boolean) => {
    const values = [scope.organization_id, from, to, MOST, look]
    const [row] = await db.read(scope, { name: `reports.${look ? 'look' : 'load'}_${name}`, text: textOf(name), values })
    const [version, body] = row as [string | null, string | null]
    if (body === null && !(look && version)) throw invalid('from', `the answer would have more than ${MOST} items: ask for less time`)
    return { version: version ?? '0', body } // by now it may have none: its first day has left what is materialized
  }
  return {
    list: async scope => {
      const [row] = await db.read(scope, { name: 'reports.list', text: list, values: [] })
      return (row as Columns)[0] as string
    },
    get: async (scope, asked, from, to) => {
      const { data: name } = ReportName.safeParse(asked)
      if (name === undefined) {
        await db.read(scope) // a stranger hears that he is one
        return undefined
      }
      const { version, body } = await ask(scope, name, from, to, true)
      if (body !== null) return body
      const key = JSON.stringify([scope.organization_id, name, releaseOf[name], from, to])
      return cache.get(key, version, async () => {
        const loaded = await ask(scope, name, from, to, false)
        return { version: loaded.version, value: loaded.body as string }
      })
    },
  }
}
