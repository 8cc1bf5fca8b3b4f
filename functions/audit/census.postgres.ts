import type { Database } from '../../shared/db/database.ts'
import type { CensusStore } from './census.store.ts'

const organizations = `select id from organizations union select organization_id from audit_blocks order by 1`

/** Tables of ours that the jobs' role may read; a partition is counted with what it is a part of. */
const tables = `select c.oid::regclass::text from pg_class c
where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace and has_table_privilege(c.oid, 'select')
order by 1`

/** The census in Postgres, as agenthub_jobs. */
export const postgresCensus = (db: Database): CensusStore => ({
  organizations: async scope =>
    (await db.read(scope, { name: 'census.organizations', text: organizations, values: [] })).map(([id]) => id as string),
  counts: async scope => {
    const names = (await db.read(scope, { name: 'census.tables', text: tables, values: [] })).map(([name]) => name as string)
    const text = names.map(name => `select '${name.replaceAll("'", "''")}', count(*) from ${name}`).join('\nunion all ')
    const rows = await db.read(scope, { name: 'census.counts', text, values: [], nameless: true })
    return Object.fromEntries(rows.map(([name, count]) => [name, Number(count)]))
  },
  lastChange: async scope => {
    const text = 'select iso(max(created_at)) from audit_events'
    const [row] = await db.read(scope, { name: 'census.last_change', text, values: [] })
    return row?.[0] ?? undefined
  },
  skipVersions: async (scope, count) => {
    const text = `select max(nextval('row_version')) from generate_series(1, $1::int)`
    await db.write(scope, { name: 'census.skip_versions', text, values: [count] })
  },
})
