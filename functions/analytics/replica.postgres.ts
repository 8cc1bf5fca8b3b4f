import { jsonOf } from '../../shared/db/rows.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const event = jsonOf(`id, organization_id, event_type, event_data, event_data is null as dataless, agent_id, extra,
  iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole events. They are never changed: what is there already stays. */
export const eventReplica: ReplicaSql = {
  entries: `select organization_id, id, version, false as deleted, ${event} as json from analytics_events`,
  restore: [
    `select make_event_months(array(
  select distinct date_trunc('month', (e ->> 'created_at')::timestamptz at time zone 'UTC')::date from jsonb_array_elements($1::jsonb) e))`,
    `with claimed as (
  insert into analytics_event_keys (organization_id, id, created_at, updated_at)
  select e ->> 'organization_id', e ->> 'id', (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz
  from jsonb_array_elements($1::jsonb) e order by 1, 2
  on conflict (organization_id, id) do nothing
  returning organization_id, id, version
)
insert into analytics_events (organization_id, id, event_type, event_data, agent_id, extra, version, created_at, updated_at)
select claimed.organization_id, claimed.id, e ->> 'event_type', case when not (e ->> 'dataless')::boolean then e -> 'event_data' end,
  e ->> 'agent_id', nullif(e -> 'extra', 'null'), claimed.version, (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz
from jsonb_array_elements($1::jsonb) e
join claimed on claimed.organization_id = e ->> 'organization_id' and claimed.id = e ->> 'id'`,
  ],
}

const metric =
  jsonOf(`id, organization_id, value, iso(computed_at) as computed_at, ttl_seconds::text as ttl_seconds, iso(expires_at) as expires_at,
  extra, iso(created_at) as created_at, iso(updated_at) as updated_at`)

/** Whole metrics; the time to live is decimal text. */
export const metricReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${metric} as json from metrics_cache`,
  restore: [
    `insert into metrics_cache (organization_id, id, value, computed_at, ttl_seconds, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e -> 'value', (e ->> 'computed_at')::timestamptz, (e ->> 'ttl_seconds')::numeric,
  nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set value = excluded.value, computed_at = excluded.computed_at, ttl_seconds = excluded.ttl_seconds, extra = excluded.extra,
  version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
  ],
}
