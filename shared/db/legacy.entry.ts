import { columnOf, complaints, notesOf, rebuilt, wasAbsent } from './legacy.fields.ts'
import { type Children, type Collection, isScalar, quote } from './legacy.ts'
import { typeOf } from './legacy.types.ts'

/** The SQL of a whole entry, both ways. */

/** What the entry says its organization is, as text; `none` stands for nothing said. */
export const organizationOf = ({ entry }: Collection, e: string, none: string): string =>
  isScalar(entry) ? none : `coalesce(${e} ->> 'organization_id', ${none})`

/** The first thing that is wrong with an entry, or null. */
export const complaint = ({ entry }: Collection, e: string, carefully: boolean): string => {
  if (isScalar(entry)) {
    const { fits, name } = typeOf(entry.scalar)
    return `case when (${fits?.(e, `${e} #>> '{}'`) ?? 'true'}) is not true then ${quote(`${name} is expected`)} end`
  }
  const { fields, children } = entry
  return `case when jsonb_typeof(${e}) <> 'object' then 'an object is expected'
  when jsonb_typeof(${e} -> 'organization_id') not in ('string', 'null') then 'organization_id: text is expected'
  ${[...complaints(fields, e, carefully), ...(children ? [childrenComplaint(children, e, carefully)] : [])].join('\n  ')} end`
}

const childrenComplaint = ({ field, fields }: Children, e: string, carefully: boolean): string => {
  const list = `${e} -> ${quote(field)}`
  return `when jsonb_typeof(${list}) not in ('array', 'null') then ${quote(`${field}: a list is expected`)}
  when jsonb_typeof(${list}) = 'array' then (select ${quote(`${field}/`)} || i - 1 || ': ' || wrong
    from jsonb_array_elements(${elements(list)}) with ordinality c (child, i),
      lateral (select case when jsonb_typeof(child) <> 'object' then 'an object is expected'
        ${complaints(fields, 'child', carefully).join('\n        ')} end) w (wrong)
    where wrong is not null order by i limit 1)`
}

/** A list's elements, none where it is absent or null. */
const elements = (list: string) => `case when jsonb_typeof(${list}) = 'array' then ${list} else '[]' end`
export const childrenOf = ({ field }: Children, e: string): string => elements(`${e} -> ${quote(field)}`)

/** The columns that an entry fills, each with its value. */
export const columnsOf = ({ entry, nested }: Collection, e: string): [column: string, value: string][] => {
  const places: [string, string][] = nested
    ? [[nested.key, 'key'], ...(nested.place ? [[nested.place, 'place'] as [string, string]] : [])]
    : []
  if (isScalar(entry)) return [...places, [entry.scalar.column, typeOf(entry.scalar).read(e, `${e} #>> '{}'`)]]
  const { fields, children } = entry
  const counted: [string, string][] = children ? [[children.count, `jsonb_array_length(${childrenOf(children, e)})`]] : []
  return [...places, ...fields.map((field): [string, string] => [field.column, columnOf(field, e)]), ...counted]
}

/** What the row remembers of an entry beside its columns: the columns that `extra` is made of. */
export const remembered = ({ entry }: Collection, e: string): string => {
  if (isScalar(entry)) {
    const loose = typeOf(entry.scalar).loose?.(e, `${e} #>> '{}'`, entry.scalar.column)
    const given = loose ? `case when ${loose} then jsonb_build_object('value', ${e}) else '{}' end` : "'{}'::jsonb"
    return `'{}'::text[] as absent, ${given} as literals, '{}'::jsonb as fields, false as timeless`
  }
  const nulls = ['organization_id', ...(entry.children ? [entry.children.field] : [])]
  const apart = nulls.map(name => ({ name, given: `jsonb_typeof(${e} -> ${quote(name)}) = 'null'` }))
  const id = entry.id === undefined ? [] : [{ name: entry.id, given: `${e} -> ${quote(entry.id)} <> to_jsonb(id)` }]
  return notesOf(entry.fields, e, [...id, ...apart])
}

/** What tells later whether the row was touched since its import. */
export const importedMark = (e: string) => ({ name: 'imported', value: `jsonb_build_array(version, jsonb_hash_extended(${e}, 0))` })

/** The entry that a row (with the prefix `row`) gives back. `none` is the organization that stands for nothing said, or null. */
export const entryOf = ({ entry }: Collection, row: string, none: string): string => {
  if (isScalar(entry)) {
    const column = row + entry.scalar.column
    const { loose, read, write } = typeOf(entry.scalar)
    const kept = `${row}extra #> array['as_given', 'value']`
    return loose ? `case when ${read(kept, `(${kept}) #>> '{}'`)} = ${column} then ${kept} else ${write(column)} end` : write(column)
  }
  const home = `${row}organization_id = coalesce(${none}, ${row}organization_id)`
  const ids = (entry.id === undefined ? [] : [entry.id]).map(name => ({
    name,
    value: `coalesce(${given(row, name)}, to_jsonb(${row}id))`,
    when: isThere(row, name, 'true'),
  }))
  const organization = {
    name: 'organization_id',
    value: `case when ${given(row, 'organization_id')} = 'null' and ${home} then 'null' else to_jsonb(${row}organization_id) end`,
    when: isThere(row, 'organization_id', home),
  }
  const children = entry.children ? [listOf(entry.children, row)] : []
  return `(${rebuilt(entry.fields, row, [...ids, organization, ...children])})`
}

const given = (row: string, field: string) => `${row}extra #> array['as_given', ${quote(field)}]`
const isThere = (row: string, field: string, unless: string) => `(${wasAbsent(field, row)} and ${unless}) is not true`

const listOf = ({ field, table, parent, number, fields }: Children, row: string) => {
  const mine = `from ${table} c where c.organization_id = ${row}organization_id and c.${parent} = ${row}id`
  const none = `not exists (select ${mine})`
  const list = `coalesce((select jsonb_agg(${rebuilt(fields, 'c.')} order by c.${number}) ${mine}), '[]')`
  return {
    name: field,
    value: `case when ${given(row, field)} = 'null' and ${none} then 'null' else ${list} end`,
    when: isThere(row, field, none),
  }
}
