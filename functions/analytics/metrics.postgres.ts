import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, oneRow, toRow } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import type { Metric } from './metrics.schema.ts'
import { goneMetric, type MetricStore } from './store.ts'

const json = jsonOf('key, value, iso(computed_at) as computed_at, iso(expires_at) as expires_at')

/** Whether a metric (the row `m`) is there at a time. */
const holds = (at: string) => `m.deleted_at is null and (m.expires_at is null or m.expires_at > ${at}::timestamptz)`

const get = `select id, version, ${json} from metrics_cache m
where organization_id = $1 and id = $2 and ${holds('$3')}`

/** Without a version and a row the metric is not there. */
const put = `with present as materialized (
  select version, ${holds('$5')} as holds from metrics_cache m where organization_id = $1 and id = $2 for update
), made as (
  insert into metrics_cache as m (organization_id, id, value, computed_at, ttl_seconds, version, created_at, updated_at)
  select $1, $2, $4::jsonb, $5, $6::numeric, nextval('row_version'), $5, $5
  where $3::bigint is null or exists (select from present where holds and version = $3)
  on conflict (organization_id, id) do update
  set value = excluded.value, computed_at = excluded.computed_at, ttl_seconds = excluded.ttl_seconds, extra = null,
    version = nextval('row_version'), updated_at = excluded.updated_at, deleted_at = null,
    created_at = case when ${holds('$5')} then m.created_at else excluded.created_at end
  returning *
)
select id, version, ${json}, created_at = $5 and not exists (select from present where holds) from made
union all
select $2, (select version from present where holds), null, null where not exists (select from made)`

const remove = `with present as (
  select version from metrics_cache m where organization_id = $1 and id = $2 and ${holds('$4')}
), gone as (
  update metrics_cache m
  set deleted_at = $4, updated_at = $4, version = nextval('row_version')
  where organization_id = $1 and id = $2 and ${holds('$4')} and version = coalesce($3, version)
  returning id, version, ${json} as json
)
select id, version, json from gone
union all
select $2, version, null from present where not exists (select from gone)`

/** Metrics in Postgres, one statement a method. */
export const postgresMetrics = (db: Database): MetricStore => ({
  get: async (scope, key, at) =>
    oneRow<Metric>(await db.read(scope, { name: 'metrics.get', text: get, values: [scope.organization_id, key, at] })),
  put: async (scope, key, { value, ttl_seconds, at }, ifMatch) => {
    const values = [scope.organization_id, key, ifMatch ?? null, stringify(value), at, ttl_seconds]
    const [row] = (await db.write(scope, { name: 'metrics.put', text: put, values })) as [Columns]
    if (row[1] === null) throw goneMetric(key)
    changedRow<Metric>([row])
    return { row: toRow<Metric>(row), created: row[3] === 't' }
  },
  remove: async (scope, key, at, ifMatch) => {
    const values = [scope.organization_id, key, ifMatch ?? null, at]
    return changedRow<Metric>(await db.write(scope, { name: 'metrics.remove', text: remove, values }))
  },
})
