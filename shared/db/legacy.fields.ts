import { type Field, quote } from './legacy.ts'
import { typeOf } from './legacy.types.ts'

/**
 * The SQL of one object's fields, both ways. `e` is the entry's jsonb, `row` the prefix of its row's columns (`r.`), which is ''
 * where the row is being made.
 */

/** A member of an object that is there only while `when` holds. */
type Member = { name: string; value: string; when?: string }

/** The object of `members`. It is built whole and the unwanted ones are taken out, which costs less than putting it together; taking out null is nothing. */
const objectOf = (members: readonly Member[]): string => {
  const built = `jsonb_build_object(${members.map(({ name, value }) => `${quote(name)}, ${value}`).join(', ')})`
  const unwanted = members.flatMap(({ name, when }) =>
    when === undefined ? [] : [`case when (${when}) is not true then ${quote(name)} end`],
  )
  return unwanted.length === 0 ? built : `(${built} - array[${unwanted.join(', ')}])`
}

const json = (e: string, { field }: Field) => `${e} -> ${quote(field)}`
const text = (e: string, { field }: Field) => `${e} ->> ${quote(field)}`

/** Whether the column holds the moment of the import where the field is absent. */
const momentary = (field: Field) => field.absent === undefined && typeOf(field).moment === true

/** Whether the column is null where the field is absent: then JSON's null needs no note, nor where the column is JSON itself. */
const nullable = (field: Field) => field.absent === undefined && !momentary(field)
const notesNull = (field: Field) => !nullable(field) && !typeOf(field).whole

/** What an absent field gives its column: at an import, and as a row remembers it. */
const byDefault = (field: Field, moment: string) => field.absent ?? (momentary(field) ? moment : 'null')

/** `case` arms that tell what is wrong with a field. What only Postgres's own input rules tell is asked `carefully`. */
export const complaints = (fields: readonly Field[], e: string, carefully: boolean): string[] =>
  fields.flatMap(field => {
    const [value, words] = [json(e, field), text(e, field)]
    const { fits, name, input } = typeOf(field)
    if (fits === undefined) return []
    const obeys = carefully && input ? ` and pg_input_is_valid(${words}, '${input}')` : ''
    const none = field.required ? '' : ` or coalesce(jsonb_typeof(${value}), 'null') = 'null'`
    return [`when (${fits(value, words)}${obeys}${none}) is not true then ${quote(`${field.field}: ${name} is expected`)}`]
  })

/** The column's value. JSON's null counts as absent, but in a json column. */
export const columnOf = (field: Field, e: string): string => {
  const value = typeOf(field).read(json(e, field), text(e, field))
  return nullable(field) ? value : `coalesce(${value}, ${byDefault(field, 'now()')})`
}

/** What is noted of an entry beside its fields, by a field of its own that no column has as it is. */
type Apart = { name: string; given: string }

/**
 * The columns of what a row remembers of an entry whose columns are made already; `extraOf` puts them together. `literals` is the
 * entry without what its columns give back: taking away costs half of putting together.
 */
export const notesOf = (fields: readonly Field[], e: string, apart: readonly Apart[] = []): string => {
  const given = fields.map(field => {
    const [name, value] = [field.field, json(e, field)]
    const loose = typeOf(field).loose?.(value, text(e, field), field.column)
    const whens = [...(loose ? [loose] : []), ...(notesNull(field) ? [`jsonb_typeof(${value}) = 'null'`] : [])]
    return { name, given: whens.join(' or ') || 'false' }
  })
  const known = [...given, ...apart]
  const unneeded = known.map(({ name, given }) =>
    given === 'false' ? quote(name) : `case when (${given}) is not true then ${quote(name)} end`,
  )
  const noted = [
    ...fields.filter(field => !typeOf(field).whole || field.absent !== undefined).map(({ field }) => field),
    ...apart.map(({ name }) => name),
  ]
  const missing = noted.map(name => `case when not ${e} ? ${quote(name)} then ${quote(name)} end`)
  const times = fields.filter(momentary).map(field => `${text(e, field)} is null`)
  return `case when ${e} ?& array[${noted.map(quote).join(', ')}] then '{}' else array_remove(array[${missing.join(', ')}], null) end as absent,
    ${e} - array[${unneeded.join(', ')}] as literals,
    ${e} - array[${known.map(({ name }) => quote(name)).join(', ')}] as fields,
    ${times.length === 0 ? 'false' : times.join(' or ')} as timeless`
}

/** `extra`, out of the columns of `notesOf`; '{}' where there is nothing to remember. Most rows remember literals at most. */
export const extraOf = (members: readonly Member[] = []): string => {
  const given = 'literals - array(select jsonb_object_keys(fields))'
  const all = objectOf([
    ...members,
    { name: 'absent', value: 'to_jsonb(absent)', when: "absent <> '{}'" },
    { name: 'as_given', value: given, when: `${given} <> '{}'` },
    { name: 'fields', value: 'fields', when: "fields <> '{}'" },
    { name: 'at', value: 'case when timeless then to_jsonb(iso(now())) end', when: 'timeless' },
  ])
  return `case when absent <> '{}' or fields <> '{}' or timeless then ${all}
    when literals <> '{}' then ${objectOf([...members, { name: 'as_given', value: 'literals' }])}
    else ${objectOf(members)} end`
}

/** The object that the fields' columns and `extra` give back; `also` stands beside the fields. */
export const rebuilt = (fields: readonly Field[], row: string, also: readonly Member[] = []): string => {
  const members = fields.map((field): Member => {
    const column = row + field.column
    const { loose, read, write } = typeOf(field)
    const [kept, words] = [`${row}extra #> ${path(field)}`, `${row}extra #>> ${path(field)}`]
    const fallback = byDefault(field, `(${row}extra ->> 'at')::timestamptz`)
    const arms = [
      ...(loose ? [`when ${read(kept, words)} = ${column} then ${kept}`] : []),
      ...(notesNull(field) ? [`when ${kept} = 'null' and ${column} = ${fallback} then 'null'`] : []),
    ]
    const value = arms.length === 0 ? write(column) : `case ${arms.join(' ')} else ${write(column)} end`
    const when =
      typeOf(field).whole && field.absent === undefined
        ? `${column} is not null`
        : `(${wasAbsent(field.field, row)} and ${column} is not distinct from ${fallback}) is not true`
    return { name: field.field, value, when }
  })
  return `${objectOf([...members, ...also])} || coalesce(${row}extra -> 'fields', '{}')`
}

const path = ({ field }: Field) => `array['as_given', ${quote(field)}]`

/** Whether the entry lacked a field. */
export const wasAbsent = (field: string, row: string): string => `${row}extra -> 'absent' ? ${quote(field)}`
