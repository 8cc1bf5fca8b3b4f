import { complaint, organizationOf } from './legacy.entry.ts'
import { type Collection, quote } from './legacy.ts'

/**
 * The start of import and comparison, as parts of a `with`: $1 are NDJSON lines (a nested dictionary's are split to one entry
 * each, see places.ts), $2 stands for no organization, $3 the numbers of those lines that are meant (null: all).
 */

/** The columns that tell an entry within its organization, and the row's id made of them. */
export const placeOf = ({ nested }: Collection, prefix = ''): string => (nested ? `${prefix}key, ${prefix}place` : `${prefix}key`)
export const idOf = ({ nested }: Collection): string => nested?.id ?? 'key'

/** How a finding names an entry: its key, and within a nested dictionary its place as in a JSON Pointer. */
export const labelOf = ({ nested }: Collection, key: string, place: string): string =>
  nested ? `${key} || coalesce('/' || replace(replace(${place}::text, '~', '~0'), '/', '~1'), '')` : key

/**
 * `judged`: every line, whose it is and what is wrong with it; of a nested dictionary's empty key `place` is null. Only
 * `carefully` are lines looked at before they are parsed, which is parsing twice: without it one broken line fails the whole
 * statement.
 */
export const judgedLines = (collection: Collection, carefully: boolean): string => {
  const { nested, organization } = collection
  const wrong = complaint(collection, 'entry', carefully)
  const home = organization ? 'coalesce(home.home, $2::text)' : '$2::text'
  return `line as materialized (
  select n::int as n, ${carefully ? "text, case when pg_input_is_valid(text, 'jsonb') then text::jsonb end" : 'null::text as text, text::jsonb'} as line
  from string_to_table($1, e'\\n') with ordinality t (text, n)
  where text not in ('', e'\\r') and ($3::int[] is null or n = any ($3::int[]))
), given as (
  select n, text, line ->> 'key' as key, ${nested ? "line ->> 'place' as place, " : ''}line -> 'value' as entry,
    case when line is null then (select concat_ws(': ', message, detail) from pg_input_error_info(text, 'jsonb'))
      ${malformed(collection)} end as reason
  from line offset 0
)${organization ? `, home as materialized (select key, (${organization}) as home from (select distinct key from given where reason is null) k)` : ''}
, judged as materialized (
  select n, text, ${placeOf(collection, 'given.')}, entry, ${organizationOf(collection, 'entry', home)} as organization,
    coalesce(reason, ${nested ? `case when place is not null then ${wrong} end` : wrong}) as reason
  from given${organization ? ' left join home on home.key = given.key' : ''}
)`
}

/** `case` arms that tell what is wrong with a line's own form. */
const malformed = ({ nested }: Collection): string => {
  const form = `jsonb_typeof(line) <> 'object' or jsonb_typeof(line -> 'key') is distinct from 'string' or not line ? 'value'`
  if (!nested) return `when ${form} or line - array['key', 'value'] <> '{}' then 'a line is {"key": text, "value": anything}'`
  const [expected, kind] = nested.kind === 'list' ? ['a list', 'number'] : ['an object', 'string']
  return `when ${form} or line - array['key', 'place', 'value'] <> '{}' or jsonb_typeof(line -> 'place') not in ('null', '${kind}')
        then 'a line is {"key": text, "value": ${expected}}'
      when not line ? 'place' then ${quote(`${expected} is expected`)}`
}

/** `repeated`: what several lines hold, and the number of the last, which counts. */
export const repeatedLines = (collection: Collection): string => `repeated as materialized (
  select organization, ${placeOf(collection)}, max(n) as last
  from judged where reason is null group by organization, ${placeOf(collection)} having count(*) > 1
)`

/** Rows of (kind, number, label, reason) of the lines that cannot be taken: JSON that is broken, or that cannot be stored. */
export const refusedLines = (collection: Collection): string =>
  `select case when pg_input_is_valid(text, 'json') is not false then 'quarantined' else 'broken' end, n::text,
  coalesce(${labelOf(collection, 'key', 'place')}, line_key(text)), reason from judged where reason is not null`

/** Rows of (kind, number, label, reason) of the lines that name no organization where none is given. */
export const homelessLines = (collection: Collection): string =>
  `select 'homeless', n::text, ${labelOf(collection, 'key', 'place')}, null
from judged where reason is null and organization is null${collection.nested ? ' and place is not null' : ''}`
