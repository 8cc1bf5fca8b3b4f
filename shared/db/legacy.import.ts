import type { Statement } from './batch.ts'
import { childrenText } from './legacy.children.ts'
import { columnsOf, entryOf, importedMark, remembered } from './legacy.entry.ts'
import { extraOf } from './legacy.fields.ts'
import { homelessLines, idOf, judgedLines, labelOf, placeOf, refusedLines, repeatedLines } from './legacy.lines.ts'
import { type Collection, isScalar, quote } from './legacy.ts'

/**
 * The statements that import lines into a collection, in one transaction. The last answers rows of (kind, number, label,
 * reason): `read`, `inserted`, `updated` and `unchanged` carry a count for a number; `quarantined`, `broken` (no JSON at all),
 * `conflict`, `homeless` (names no organization, and `none` is null), `removed` (its organization is removed: the reason is which)
 * and `raced` (somebody made the row meanwhile: send it again) one line each.
 */
export const importStatements = (
  collection: Collection,
  lines: Buffer,
  none: string | null,
  numbers: string | null,
  carefully: boolean,
): Statement[] => {
  const of = carefully ? `${collection.name}_carefully` : collection.name
  const values = [lines, none, numbers]
  const before = collection.before && `with ${goodLines(collection, carefully)} ${collection.before}`
  return [
    { name: 'hold_import', text: 'select hold_import($1)', values: [collection.name] },
    ...(before ? [{ name: `legacy.before_${of}`, text: before, values }] : []),
    { name: `legacy.import_${of}`, text: importText(collection, carefully), values },
  ]
}

/** `good`: the lines that are taken, of a key's lines the last one; `house`: the organizations they go to. */
const goodLines = (collection: Collection, carefully: boolean): string => `${judgedLines(collection, carefully)}
, house as materialized (
  select h.organization, o.id is not null as there, o.deleted_at is not null as removed
  from (select distinct organization from judged where reason is null and organization is not null) h
  left join organizations o on o.organization_id = h.organization and o.id = h.organization
), ${repeatedLines(collection)}, good as materialized (
  select n, organization as organization_id, ${idOf(collection)} as id, ${placeOf(collection)}, entry
  from judged join house using (organization) left join repeated using (organization, ${placeOf(collection)})
  where reason is null and not removed and n = coalesce(last, n)${collection.nested ? ' and place is not null' : ''}
)`

/** A row is one of the dictionary's and not removed. */
export const isAlive = ({ only, fixed }: Collection): string =>
  [...(fixed ? [] : ['r.deleted_at is null']), ...(only ? [`(${only})`] : [])].join(' and ') || 'true'

/** Joins the row `r` of (organization_id, id), by way of the table that knows in which partition it lies. */
export const joinRow = ({ table, claims }: Collection, from: string, join: string, and = 'true'): string => {
  const same = (row: string) => `${row}.organization_id = ${from}.organization_id and ${row}.id = ${from}.id`
  if (!claims) return `${join} ${table} r on ${same('r')} and ${and}`
  return `${join} ${claims} claim on ${same('claim')} ${join} ${table} r on ${same('r')} and r.created_at = claim.created_at and ${and}`
}

const importText = (collection: Collection, carefully: boolean): string => {
  const { entry, derived = {}, nested, also = {} } = collection
  const columns = columnsOf(collection, 'entry')
  const names = [...columns.map(([column]) => column), ...Object.keys(derived)]
  const place = placeOf(collection)
  const children = isScalar(entry) ? undefined : entry.children
  const label = labelOf(collection, 'key', 'place')
  const more = Object.entries(derived)
    .map(([column, value]) => `, ${value} as ${column}`)
    .join('')
  return `with ${goodLines(collection, carefully)}, locked as materialized (
  select r.*, g.n as line_number, g.entry as line_entry, ${nested ? 'g.key as line_key, g.place as line_place' : 'g.key as line_key'}
  from good g ${joinRow(collection, 'g', 'join')}
  ${collection.fixed ? '' : 'order by r.organization_id, r.id for update of r'}
), verdict as materialized (
  select organization_id, id, line_number, line_key as key, ${nested ? 'line_place as place, ' : ''}line_entry, ${outcomeOf(collection)} as outcome
  from (select r.*, ${entryOf(collection, 'r.', '$2::text')} as entry_now from locked r offset 0) r
), ready as materialized (
  select n, organization_id, id, ${place}, entry, fresh, version, ${names.join(', ')}, ${extraOf([importedMark('entry')])} as extra
  from (
    select f.*${more}, ${remembered(collection, 'entry')}
    from (
      -- The version of a row that is there is drawn after its lock.
      select w.*, nextval('row_version') as version, ${columns.map(([column, value]) => `${value} as ${column}`).join(',\n        ')}
      from (
        select n, organization_id, id, ${place}, entry, true as fresh from good
        where n not in (select line_number from verdict)
        union all
        select line_number, organization_id, id, ${place}, line_entry, false from verdict where outcome in ('updated', 'inserted')
      ) w
    ) f offset 0
  ) noted
), organization as (
  insert into organizations (id, name, version, created_at, updated_at)
  select organization, organization, nextval('row_version'), now(), now()
  from house where not there and organization in (select organization_id from ready where fresh) order by 1
  on conflict (organization_id, id) do nothing
), ${writing(collection, names, carefully)}${children ? childrenText(children) : ''}${
    nested
      ? `, emptied as (
  insert into migration_empty (collection, organization, key)
  select distinct ${quote(collection.name)}, coalesce(organization, ''), key from judged where reason is null and place is null
  on conflict do nothing
)`
      : ''
  }${Object.entries(also)
    .map(([name, text]) => `, ${name} as (\n${text}\n)`)
    .join('')}
select 'read', count(*)::text, null, null from ${nested ? 'judged where reason is not null or place is not null' : 'line'}
union all select 'inserted', count(*)::text, null, null from made
union all select 'raced', n::text, null, null from ready
  where (select count(*) from made) < (select count(*) from ready where fresh)
    and fresh and (organization_id, id) not in (select organization_id, id from made)
union all ${refusedLines(collection)}
union all ${homelessLines(collection)}
union all select 'removed', n::text, ${label}, organization from judged join house using (organization) where reason is null and removed
union all select case when outcome in ('unchanged', 'updated', 'inserted') then outcome else 'conflict' end,
  case when outcome = 'inserted' then '1' else line_number::text end, ${label}, outcome from verdict
union all select case when outcome in ('unchanged', 'updated', 'inserted') is false then 'conflict' when same then 'unchanged' else 'updated' end,
  n::text, ${label}, outcome
from (
  select n, organization as organization_id, ${place}, last, lead(entry) over (partition by organization, ${place} order by n) = entry as same
  from judged join repeated using (organization, ${place}) where reason is null
) earlier left join verdict using (organization_id, ${place}) where n < last`
}

/** What becomes of an entry whose row is there already, in SQL over `r`. */
const outcomeOf = ({ fixed, replaces }: Collection): string => `case ${fixed ? '' : "when deleted_at is not null then 'it was removed'"}
      ${replaces ? `when ${replaces} then 'inserted'` : ''}
      when entry_now = line_entry then 'unchanged'
      ${fixed ? '' : "when extra -> 'imported' = jsonb_build_array(version, jsonb_hash_extended(entry_now, 0)) then 'updated'"}
      when extra ? 'imported' then ${quote(fixed ? 'it was imported otherwise, and it cannot change' : 'it was changed after it was imported')}
      else 'it was made here, not imported' end`

/**
 * The parts that write `ready`: `made`, `changed`, and `written` for what follows from the rows. Only `carefully` may somebody else's
 * row come before ours: `on conflict` inserts twice, and so otherwise that is an error like others.
 */
const writing = ({ table, claims, fixed }: Collection, names: readonly string[], carefully: boolean): string => {
  const stamps = ['created_at', 'updated_at'].filter(column => !names.includes(column))
  const into = [...names, ...stamps, 'extra', 'version']
  const values = [...names, ...stamps.map(() => 'now()'), 'extra', 'version']
  const changes = into.filter(column => column !== 'created_at' || !stamps.includes(column))
  const rows = `select organization_id, id, ${values.join(', ')} from ready`
  const claimed = `claimed as (
  insert into ${claims} (organization_id, id, created_at)
  select organization_id, id, created_at from ready where fresh
  on conflict (organization_id, id) do nothing
  returning organization_id, id
), `
  return `${claims ? claimed : ''}made as (
  insert into ${table} (organization_id, id, ${into.join(', ')})
  ${
    claims
      ? `${rows} join claimed using (organization_id, id)`
      : `${rows} where fresh ${carefully ? 'on conflict (organization_id, id) do nothing' : ''}`
  }
  returning organization_id, id
)${
    fixed
      ? ''
      : `, changed as (
  update ${table} t set ${changes.map(column => `${column} = ${stamps.includes(column) ? 'now()' : `r.${column}`}`).join(', ')}
  from ready r where not r.fresh and t.organization_id = r.organization_id and t.id = r.id
  returning t.organization_id, t.id
)`
  }, written as (
  select * from ready ${carefully || claims ? 'where not fresh or (organization_id, id) in (select organization_id, id from made)' : ''}
)`
}
