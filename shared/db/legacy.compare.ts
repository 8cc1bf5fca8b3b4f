import type { Statement } from './batch.ts'
import { entryOf } from './legacy.entry.ts'
import { isAlive, joinRow } from './legacy.import.ts'
import { homelessLines, idOf, judgedLines, labelOf, placeOf, refusedLines, repeatedLines } from './legacy.lines.ts'
import { type Collection, quote } from './legacy.ts'

/** The most differences, and keys on one side only, that an answer lists. */
export const LISTED = 1000

/**
 * Compares lines with what their rows give back, and remembers their keys for the run. Answers rows of (kind, number, label,
 * path or reason, source, postgres, hash of the entry): `matched`, `missing` and `differing` carry a count for a number; `only_in_source`,
 * `different`, `quarantined`, `broken` and `homeless` one finding each; first, `met`
 * tells the entries that are among `listed` (hashes, as an array's literal): these lines take the place of earlier ones. `none` stands for no organization, `only` narrows to one.
 */
export const compareStatement = (
  collection: Collection,
  lines: Buffer,
  { none, only }: { none: string | null; only: string | null },
  run: string,
  listed: string,
  carefully: boolean,
): Statement => ({
  name: `legacy.compare_${collection.name}${carefully ? '_carefully' : ''}`,
  text: textOf(collection, carefully),
  values: [lines, none, null, only, run, listed],
})

const textOf = (collection: Collection, carefully: boolean): string => {
  const { name, nested } = collection
  const path = nested ? `concat('/', replace(replace(place::text, '~', '~0'), '/', '~1'), d.path)` : 'd.path'
  const missing = nested ? emptyMissing(collection) : ''
  return `with ${judgedLines(collection, carefully)}, ${repeatedLines(collection)}, source as (
  select n, organization as organization_id, ${idOf(collection)} as id, ${placeOf(collection)}, entry
  from judged left join repeated using (organization, ${placeOf(collection)})
  where reason is null and organization = coalesce($4::text, organization) and n = coalesce(last, n)${nested ? ' and place is not null' : ''}
), side as materialized (
  select s.*, r.id is not null as there, case when r.id is not null then ${entryOf(collection, 'r.', '$2::text')} end as entry_now
  from source s ${joinRow(collection, 's', 'left join', isAlive(collection))}
), noted as (
  insert into migration_compared (run, collection, keys)
  select $5, ${quote(name)}, array_agg(hash) from (
    select entry_hash(organization_id, id) as hash from side${nested ? ` union select entry_hash('', key) from judged where reason is null` : ''}
  ) met having count(*) > 0
)${missing}
select 'met', null, null, null, null, null, h.hash::text
from (select entry_hash(organization_id, id) as hash from side where $6::bigint[] <> '{}') h where h.hash = any ($6)
union all select 'matched', count(*)::text, null, null, null, null, null from side where entry = entry_now
union all select 'missing', count(*)::text, null, null, null, null, null from side where not there
union all select 'differing', count(*)::text, null, null, null, null, null from side where there and entry <> entry_now
union all (select 'only_in_source', n::text, ${labelOf(collection, 'key', 'place')}, null, null, null, entry_hash(organization_id, id)::text
  from side where not there order by n limit ${LISTED})
union all (select 'different', n::text, key, ${path}, d.source::text, d.postgres::text, entry_hash(organization_id, id)::text
  from side, jsonb_differences(entry, entry_now) d where there and entry <> entry_now order by n limit ${LISTED})
union all select r.*, null, null, null from (${refusedLines(collection)}) r
union all select h.*, null, null, null from (${homelessLines(collection)}) h${
    nested
      ? `
union all select 'missing', count(*)::text, null, null, null, null, null from nowhere
union all (select 'only_in_source', n::text, key, null, null, null, entry_hash('', key)::text from nowhere order by n limit ${LISTED})`
      : ''
  }`
}

/** The keys that hold nothing in the source, and are nowhere in Postgres. */
const emptyMissing = ({ nested, table, name, ...rest }: Collection) => `, nowhere as (
  select n, key from judged j where reason is null and place is null
    and not exists (select from migration_empty e where e.collection = ${quote(name)} and e.key = j.key)
    and not exists (select from ${table} r where ${isAlive({ table, name, ...rest })} and r.${nested?.key} = j.key)
)`

/** Rows of a page; as many as are looked up within a second or two of a small server. */
const PAGE = 100_000

/**
 * A page of the rows in Postgres, in their order: first (rows, the last one's organization and id, how many of them no part of
 * the run has met), then the labels of these, up to `LISTED`.
 */
export const onlyInPostgres = (collection: Collection, only: string | null, run: string, after: readonly string[]): Statement => {
  const { name, table, nested } = collection
  const place = nested ? `, r.${nested.key} as key, ${nested.place ? `r.${nested.place}` : 'r.id'} as place` : ', r.id as key'
  return {
    name: `legacy.only_in_postgres_${name}`,
    text: `with page as materialized (
  select organization_id, id${place} from ${table} r
  where ${isAlive(collection)} and organization_id = coalesce($1::text, organization_id) and (organization_id, id) > ($3, $4)
  order by organization_id, id limit ${PAGE}
), only_here as materialized (
  select * from page
  where not exists (
    select from (select unnest(keys) as hash from migration_compared where run = $2 and collection = ${quote(name)}) met
    where met.hash = entry_hash(organization_id, id))
)
select (select count(*) from page)::text, organization_id, id, (select count(*) from only_here)::text
from (select organization_id, id from page order by organization_id desc, id desc limit 1) last
union all (select null, null, ${labelOf(collection, 'key', 'place')}, null from only_here order by organization_id, id limit ${LISTED})`,
    values: [only, run, after[0] ?? '', after[1] ?? ''],
  }
}

/** The keys of a nested dictionary that hold nothing in Postgres, and were met by no part of a run. */
export const emptyOnlyInPostgres = (collection: Collection, only: string | null, run: string): Statement => ({
  name: `legacy.empty_only_in_postgres_${collection.name}`,
  text: `select distinct key from (${emptyKeys(collection, '$1')}) e
where not exists (
  select from (select unnest(keys) as hash from migration_compared where run = $2 and collection = ${quote(collection.name)}) met
  where met.hash = entry_hash('', key))`,
  values: [only, run],
})

/** The keys of a nested dictionary that hold nothing. */
export const emptyKeys = (collection: Collection, only: string): string => `select key from migration_empty e
where collection = ${quote(collection.name)} and organization = coalesce(${only}::text, organization)
  and not exists (select from ${collection.table} r where ${isAlive(collection)} and r.${collection.nested?.key} = e.key)`

/** Forgets the keys of old runs. A run that has just ended keeps its own: its last part may be sent again, where the answer was lost. */
export const forgetRuns: Statement = {
  name: 'legacy.forget_runs',
  text: "delete from migration_compared where created_at < now() - interval '1 hour'",
  values: [],
}
