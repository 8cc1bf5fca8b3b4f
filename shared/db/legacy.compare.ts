import type { Statement } from './batch.ts'
import { entryOf, organizationOf } from './legacy.entry.ts'
import { readLines, refusedLines } from './legacy.import.ts'
import type { Collection } from './legacy.ts'

/** The most differences, and keys on one side only, that an answer lists. */
export const LISTED = 1000

/**
 * Compares lines with what their rows give back, and remembers their keys for the run. Answers rows of (kind, number, key,
 * path or reason, source, postgres): `matched`, `missing` and `differing` carry a count for a number; `only_in_source`,
 * `different`, `quarantined`, `broken` and `homeless` one finding each. $2 stands for no organization, $4 narrows to one.
 */
export const compareStatement = (
  collection: Collection,
  lines: Buffer,
  none: string | null,
  only: string | null,
  run: string,
  carefully: boolean,
): Statement => ({
  name: `legacy.compare_${collection.name}${carefully ? '_carefully' : ''}`,
  text: `with ${readLines(carefully)}, meant as materialized (
  select n, text, key, entry, ${organizationOf(collection, 'entry', '$2::text')} as organization, reason from given
), source as materialized (
  select * from (
    select n, organization, key, entry, lead(n) over (partition by organization, key order by n) is null as last
    from meant where reason is null and organization = coalesce($4::text, organization)
  ) s where last
), side as materialized (
  select s.*, r.id is not null as there, case when r.id is not null then ${entryOf(collection, 'r.', '$2::text')} end as entry_now
  from source s left join ${collection.table} r on r.organization_id = s.organization and r.id = s.key and r.deleted_at is null
), noted as (
  insert into migration_compared (run, collection, keys)
  select $5, ${`'${collection.name}'`}, array_agg(entry_hash(organization, key)) from source having count(*) > 0
)
select 'matched', count(*)::text, null, null, null, null from side where entry = entry_now
union all select 'missing', count(*)::text, null, null, null, null from side where not there
union all select 'differing', count(*)::text, null, null, null, null from side where there and entry <> entry_now
union all (select 'only_in_source', n::text, key, null, null, null from side where not there order by n limit ${LISTED})
union all (select 'different', n::text, key, d.path, d.source::text, d.postgres::text
  from side, jsonb_differences(entry, entry_now) d where there and entry <> entry_now order by n limit ${LISTED})
union all select r.*, null, null from (${refusedLines('meant')}) r
union all select 'homeless', n::text, key, null, null, null from meant where reason is null and organization is null`,
  values: [lines, none, null, only, run],
})

/** The keys that are in Postgres and were met by no part of a run: (their number, null), then the first ones. */
export const onlyInPostgres = ({ name, table }: Collection, only: string | null, run: string): Statement => ({
  name: `legacy.only_in_postgres_${name}`,
  text: `with only_here as (
  select id from ${table} r
  where deleted_at is null and organization_id = coalesce($1::text, organization_id)
    and not exists (
      select from (select unnest(keys) as hash from migration_compared where run = $2 and collection = '${name}') met
      where met.hash = entry_hash(r.organization_id, r.id))
)
select count(*)::text, null from only_here
union all (select null, id from only_here order by id limit ${LISTED})`,
  values: [only, run],
})

/** Forgets a run's keys, and those of runs that nobody ended. */
export const forgetRun = ({ name }: Collection, run: string): Statement => ({
  name: 'legacy.forget_run',
  text: "delete from migration_compared where (run = $1 and collection = $2) or created_at < now() - interval '1 day'",
  values: [run, name],
})

/** One key that two organizations have: a dictionary cannot hold both. */
export const sharedKey = ({ name, table }: Collection): Statement => ({
  name: `legacy.shared_key_${name}`,
  text: `select id from ${table} where deleted_at is null group by id having count(*) > 1 order by id limit 1`,
  values: [],
})

/** A page of the dictionary: organization, key, and the text of its member. */
export const exportPage = (
  collection: Collection,
  none: string | null,
  only: string | null,
  after: readonly string[],
  limit: number,
): Statement => ({
  name: `legacy.export_${collection.name}`,
  text: `select organization_id, id, to_json(id)::text || ':' || ${entryOf(collection, 'r.', 'asked.none')}::text
from ${collection.table} r, (select $1::text as none) asked
where deleted_at is null and organization_id = coalesce($2::text, organization_id) and (organization_id, id) > ($3, $4)
order by organization_id, id
limit $5::int`,
  values: [none, only, after[0] ?? '', after[1] ?? '', limit],
})
