import type { Statement } from './batch.ts'
import { childrenOf, columnsOf, complaint, entryOf, importedMark, organizationOf, remembered } from './legacy.entry.ts'
import { columnOf, extraOf, notesOf } from './legacy.fields.ts'
import { type Children, type Collection, isScalar } from './legacy.ts'

/**
 * The start of import and comparison: $1 are NDJSON lines, $3 the numbers of those that are meant (null: all). Only `carefully`
 * are lines looked at before they are parsed, which is parsing twice: without it one broken line fails the whole statement.
 */
export const readLines = (carefully: boolean): string => `line as materialized (
  select n::int as n, text, ${carefully ? "case when pg_input_is_valid(text, 'jsonb') then text::jsonb end" : 'text::jsonb'} as line
  from string_to_table($1, e'\\n') with ordinality t (text, n)
  where text not in ('', e'\\r') and ($3::int[] is null or n = any ($3::int[]))
), given as materialized (
  select n, text, line, line -> 'value' as entry, line ->> 'key' as key,
    case when line is null then (select concat_ws(': ', message, detail) from pg_input_error_info(text, 'jsonb'))
      when jsonb_typeof(line) <> 'object' or jsonb_typeof(line -> 'key') is distinct from 'string' or not line ? 'value'
        or line - array['key', 'value'] <> '{}' then 'a line is {"key": text, "value": anything}' end as reason
  from line
)`

/** What `readLines` could not read: JSON that is broken, against JSON that cannot be stored. */
export const refusedLines = (from: string): string =>
  `select case when pg_input_is_valid(text, 'json') then 'quarantined' else 'broken' end, n::text, coalesce(key, line_key(text)), reason from ${from} where reason is not null`

/**
 * Imports lines into a collection, in one statement. Answers rows of (kind, number, key, reason): `read`, `inserted`, `updated`
 * and `unchanged` carry a count for a number; `quarantined`, `broken` (no JSON at all), `conflict`, `homeless` (names no
 * organization, and $2 is null) and `raced` (somebody made the row meanwhile: send it again) one line each.
 */
export const importStatement = (
  collection: Collection,
  lines: Buffer,
  none: string | null,
  numbers: string | null,
  carefully: boolean,
): Statement => ({
  name: `legacy.import_${collection.name}${carefully ? '_carefully' : ''}`,
  text: textOf(collection, carefully),
  values: [lines, none, numbers],
})

const textOf = (collection: Collection, carefully: boolean): string => {
  const { table, entry } = collection
  const columns = columnsOf(collection, 'entry')
  const names = columns.map(([column]) => column)
  const stamps = ['created_at', 'updated_at'].filter(column => !names.includes(column))
  const into = [...names, ...stamps, 'extra', 'version']
  const values = [...names, ...stamps.map(() => 'now()'), 'extra', 'version']
  const changes = into.filter(column => column !== 'created_at' || !stamps.includes(column))
  const changed = changes.map(column => `${column} = ${stamps.includes(column) ? 'now()' : `r.${column}`}`)
  const children = isScalar(entry) ? undefined : entry.children
  return `with ${readLines(carefully)}, judged as materialized (
  select n, text, key, entry, ${organizationOf(collection, 'entry', '$2::text')} as organization,
    coalesce(reason, ${complaint(collection, 'entry', carefully)}) as reason
  from given
), good as materialized (
  -- Of a key's lines in one batch the last one counts.
  select n, organization as organization_id, key as id, entry, lead(n) over w is null as last, lead(entry) over w = entry as repeated
  from judged where reason is null and organization is not null
  window w as (partition by organization, key order by n)
), locked as materialized (
  select r.*, g.n as line_number, g.entry as line_entry
  from good g join ${table} r on r.organization_id = g.organization_id and r.id = g.id
  where g.last order by r.organization_id, r.id for update of r
), present as materialized (
  select r.*, ${entryOf(collection, 'r.', '$2::text')} as entry_now from locked r
), verdict as materialized (
  select organization_id, id, line_number, line_entry,
    case when deleted_at is not null then 'it was removed'
      when entry_now = line_entry then 'unchanged'
      when extra -> 'imported' = jsonb_build_array(version, jsonb_hash_extended(entry_now, 0)) then 'updated'
      when extra ? 'imported' then 'it was changed after it was imported'
      else 'it was made here, not imported' end as outcome
  from present
), wanted as materialized (
  -- The version of a row that is there is drawn after its lock.
  select *, nextval('row_version') as version from (
    select n, organization_id, id, entry, true as fresh from good g
    where last and n not in (select line_number from verdict)
    union all
    select line_number, organization_id, id, line_entry, false from verdict where outcome = 'updated'
  ) w
), filled as materialized (
  select w.*, ${columns.map(([column, value]) => `${value} as ${column}`).join(',\n    ')} from wanted w
), noted as materialized (
  select f.*, ${remembered(collection, 'entry')} from filled f
), ready as materialized (
  select n, organization_id, id, entry, fresh, version, ${names.join(', ')}, ${extraOf([importedMark('entry')])} as extra from noted
), organization as (
  insert into organizations (id, name, version, created_at, updated_at)
  select id, id, nextval('row_version'), now(), now()
  from (select distinct organization_id as id from ready where fresh order by 1) named
  where not exists (select from organizations o where o.organization_id = named.id and o.id = named.id)
  on conflict (organization_id, id) do nothing
), made as (
  insert into ${table} (organization_id, id, ${into.join(', ')})
  select organization_id, id, ${values.join(', ')} from ready where fresh
  on conflict (organization_id, id) do nothing
  returning organization_id, id
), changed as (
  update ${table} t set ${changed.join(', ')}
  from ready r where not r.fresh and t.organization_id = r.organization_id and t.id = r.id
  returning t.organization_id, t.id
)${children ? childrenText(children) : ''}
select 'read', count(*)::text, null, null from line
union all select 'inserted', count(*)::text, null, null from made
union all select 'raced', n::text, null, null from ready
  where fresh and (organization_id, id) not in (select organization_id, id from made)
union all ${refusedLines('judged')}
union all select 'homeless', n::text, key, null from judged where reason is null and organization is null
union all select case when outcome in ('unchanged', 'updated') then outcome else 'conflict' end, line_number::text, id, outcome from verdict
union all select case when outcome not in ('unchanged', 'updated') then 'conflict' when repeated then 'unchanged' else 'updated' end,
  n::text, id, outcome
from good left join verdict using (organization_id, id) where not last`
}

/** The children of rows that were made or changed: written over what the last import made of them, and no more than there are. */
const childrenText = (children: Children): string => {
  const { table, parent, number, fields } = children
  const names = fields.map(({ column }) => column)
  const stamps = ['created_at', 'updated_at'].filter(column => !names.includes(column))
  const into = [parent, number, ...names, ...stamps, 'extra']
  return `, child as materialized (
  select p.organization_id, p.id as ${parent}, c.number::int as ${number}, c.entry, ${fields.map(field => `${columnOf(field, 'c.entry')} as ${field.column}`).join(', ')}
  from ready p cross join lateral jsonb_array_elements(${childrenOf(children, 'p.entry')}) with ordinality c (entry, number)
  where not p.fresh or (p.organization_id, p.id) in (select organization_id, id from made)
), child_ready as materialized (
  select c.*, ${extraOf()} as extra
  from (select c.*, ${notesOf(fields, 'entry')} from child c offset 0) c
), said as (
  insert into ${table} (organization_id, id, ${into.join(', ')}, version)
  select organization_id, ${parent} || ':' || ${number}, ${[parent, number, ...names, ...stamps.map(() => 'now()'), "nullif(extra, '{}')"].join(', ')}, nextval('row_version')
  from child_ready
  on conflict (organization_id, id) do update
  set ${into.map(column => `${column} = excluded.${column}`).join(', ')}, version = nextval('row_version')
), gone as (
  delete from ${table} t using ready p
  where not p.fresh and t.organization_id = p.organization_id and t.${parent} = p.id
    and t.${number} > jsonb_array_length(${childrenOf(children, 'p.entry')})
)`
}
