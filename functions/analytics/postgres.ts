import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { jsonOf, NEWEST, toPage } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import type { Event } from './schema.ts'
import type { EventStore, NewEvent, Refused } from './store.ts'

/** The wire's shape of an event. */
const json = jsonOf('id, event_type, event_data, agent_id, iso(created_at) as created_at')

/** A statement of its own, before the insert is planned: a partition made by the insert's own statement would come too late for it. */
const makeMonths = 'select make_event_months($1::date[])'

/**
 * One statement for all: what may not be taken is told, what is there already is left. Ids are claimed in their order, so that
 * batches with the same ids wait for each other and never in a circle. An agent that was removed is known: its events may be late.
 */
const ingest = `with given as materialized (
  select n, e ->> 'id' as id, e ->> 'event_type' as event_type, e -> 'event_data' as event_data, e ->> 'agent_id' as agent_id,
    (e ->> 'created_at')::timestamptz as created_at
  from jsonb_array_elements($2::jsonb) with ordinality given (e, n)
), known as materialized (
  select id from agents where organization_id = $1 and id in (select distinct agent_id from given)
), refused as materialized (
  select n, case when created_at < closed_before then 'month' else 'agent' end as reason
  from given, analytics_retention
  where created_at < closed_before or (agent_id is not null and agent_id not in (select id from known))
), good as materialized (
  select distinct on (id) * from given where n not in (select n from refused) order by id, n
), claimed as (
  insert into analytics_event_keys (organization_id, id, created_at, updated_at)
  select $1, id, created_at, $3 from good order by id
  on conflict (organization_id, id) do nothing
  returning id, version
), taken as (
  insert into analytics_events (organization_id, id, event_type, event_data, agent_id, version, created_at, updated_at)
  select $1, id, event_type, event_data, agent_id, claimed.version, created_at, $3 from good join claimed using (id)
)
select (select count(*) from claimed), (select coalesce(json_agg(json_build_object('index', n - 1, 'reason', reason) order by n), '[]') from refused)`

/** The bound on the time alone lets the months after a page's beginning be left out. */
const list = `select id, version, ${json}, iso(created_at), id from analytics_events
where organization_id = $1
  and (created_at, id) < ($3::timestamptz, $4) and created_at <= $3::timestamptz
  and created_at >= $5::timestamptz and created_at < $6::timestamptz
  and ($7::text is null or event_type = $7)
  and ($8::text is null or agent_id = $8)
order by created_at desc, id desc
limit $2::int + 1`

/**
 * The same of one type, which may be rare: an index by type would cost every event, but the rollups tell in which hours there are some,
 * and event_deltas of those that are not rolled up yet. As many hours are read as a page needs, the latest first; that of the page's
 * beginning ($3, or $6) counts for nothing, for it may lie behind it, and what was taken away is not in the rollups' counts yet.
 */
const listOfType = `with pending as materialized (
  select date_bin('1 hour', quarter, 'epoch') as hour, count from event_deltas
  where organization_id = $1 and quarter <= $3::timestamptz and quarter < $6::timestamptz and quarter > $5::timestamptz - interval '1 hour'
    and event_type = $7 and ($8::text is null or agent_id = $8)
), needed as materialized (
  select $2::int + 1 + coalesce(-sum(count) filter (where count < 0), 0) as events from pending
), counted as materialized (
  select hour, sum(count) as events from event_rollups
  where organization_id = $1 and event_type = $7 and hour <= $3::timestamptz and hour < $6::timestamptz and hour > $5::timestamptz - interval '1 hour'
    and ($8::text is null or agent_id = $8)
  group by hour having sum(count) > 0
  order by hour desc
  limit (select events + 1 from needed)
), rolled as (
  select hour, coalesce(sum(events) filter (where hour <= least($3::timestamptz, $6::timestamptz) - interval '1 hour')
    over (order by hour desc rows between unbounded preceding and 1 preceding), 0) as before
  from counted
), hours as materialized (
  select hour, hour + interval '1 hour' as beyond
  from (
    select hour from rolled where before < (select events from needed)
    union
    (select hour from pending where count > 0 group by hour order by hour desc limit (select events + 1 from needed))
  ) h
)
select e.id, e.version, e.json, iso(e.created_at), e.id
from hours cross join lateral (
  select id, version, ${json} as json, created_at from analytics_events
  where organization_id = $1 and created_at >= hour and created_at < beyond
    and (created_at, id) < ($3::timestamptz, $4) and created_at <= $3::timestamptz
    and created_at >= $5::timestamptz and created_at < $6::timestamptz
    and event_type = $7
    and ($8::text is null or agent_id = $8)
  offset 0
) e
order by e.created_at desc, e.id desc
limit $2::int + 1`

const monthsOf = (events: NewEvent[]): string => `{${[...new Set(events.map(({ created_at }) => `${created_at.slice(0, 7)}-01`))].join()}}`

/** Events in Postgres: a batch of any size is one round trip. */
export const postgresEvents = (db: Database): EventStore => ({
  ingest: async (scope, events, at) => {
    const [row] = await db.write(
      scope,
      { name: 'events.make_months', text: makeMonths, values: [monthsOf(events)] },
      { name: 'events.ingest', text: ingest, values: [scope.organization_id, stringify(events), at] },
    )
    const [accepted, refused] = row as Columns
    return { accepted: Number(accepted), refused: JSON.parse(refused as string) as Refused[] }
  },
  list: async (scope, slice, { event_type = null, agent_id = null, from = '-infinity', to = 'infinity' }) => {
    const asked = event_type === null ? { name: 'events.list', text: list } : { name: 'events.list_of_type', text: listOfType }
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST), from, to, event_type, agent_id]
    return toPage<Event>(await db.read(scope, { ...asked, values }), slice)
  },
})
