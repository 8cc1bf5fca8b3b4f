/**
 * How the entries of an old dictionary lie in our tables, as data: a domain's legacy.ts declares it, and the files beside this
 * one make the SQL that imports, compares and exports them. `{ key: entry }` becomes a row whose id is the key.
 *
 * A row remembers in `extra` what its columns cannot give back, and only that:
 *   imported  the version that the import gave it, and the entry's hash: together they tell whether it was touched since
 *   absent    the known fields that the entry lacked; believed while the column still holds what an absent field gave it
 *   as_given  literals that a column gives back in other words (a time without zone); believed while they still convert to its value
 *   fields    the entry's unknown fields
 *   at        the moment of the import, where a time was absent
 */
export type Collection = {
  name: string
  table: string
  entry: Entry | Scalar
}

/** An entry that is an object. `id` is the field that repeats the key; `organization_id` may name the organization. */
export type Entry = { id: string; fields: readonly Field[]; children?: Children }

/** An entry that is a bare value: the column `scalar`. Its organization is the request's. */
export type Scalar = { scalar: Field }

/** A list of objects inside an entry: rows of another table, numbered from 1. */
export type Children = {
  field: string
  table: string
  /** The columns of the child that hold its entry's id and its number, and the entry's column that counts them. */
  parent: string
  number: string
  count: string
  fields: readonly Field[]
}

export type Field = {
  field: string
  column: string
  type: keyof typeof types
  /** An entry without it (or with null in it) is quarantined. */
  required?: boolean
  /** The column's value, in SQL, where the entry lacks the field or says null: null unless said; a time's is the moment of the import. */
  absent?: string
}

type Type = {
  /** What a wrong value is told to be. */
  name: string
  /** Whether the JSON value `json` (its text `text`) may be one; left out where every value is. */
  fits?: (json: string, text: string) => string
  /** The type of Postgres whose input rules it must obey besides. */
  input?: string
  /** The column's value of it. */
  read: (json: string, text: string) => string
  /** The JSON of the column. */
  write: (column: string) => string
  /** Whether `json` is another literal than `write`'s for the column's value; left out where there is only one. */
  loose?: (json: string, text: string, column: string) => string
}

/** No letters but T and Z: 'now' and 'tomorrow' are no times here. The rest is for Postgres to judge. */
const TIME = String.raw`'^\d{4}[-0-9T:. Z+]*$'`

export const types = {
  text: { name: 'text', fits: json => `jsonb_typeof(${json}) = 'string'`, read: (_, text) => text, write: column => `to_jsonb(${column})` },
  json: { name: 'any JSON value', read: json => json, write: column => column },
  /** A JSON number in a numeric column: every digit. */
  number: {
    name: 'a number',
    fits: json => `jsonb_typeof(${json}) = 'number'`,
    read: (_, text) => `(${text})::numeric`,
    write: column => `to_jsonb(${column})`,
  },
  /** ISO 8601; without a zone it is UTC, as the session is. */
  time: {
    name: 'a time',
    fits: (json, text) => `jsonb_typeof(${json}) = 'string' and ${text} ~ ${TIME}`,
    input: 'timestamptz',
    read: (_, text) => `(${text})::timestamptz`,
    write: column => `to_jsonb(iso(${column}))`,
    // Ours end in Z: for the others the slow look is spared.
    loose: (json, text, column) => `${json} is not null and (${text} like '%Z') is not true or ${text} <> iso(${column})`,
  },
} satisfies Record<string, Type>

export const typeOf = ({ type }: Field): Type => types[type]
export const isScalar = (entry: Entry | Scalar): entry is Scalar => 'scalar' in entry

/** A literal of SQL. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
