/** How a JSON value becomes a column and comes back. `json` and `text` are SQL: the value, and its text as by `->>`. */
export type Type = {
  /** What a wrong value is told to be. */
  name: string
  /** Whether the value may be one; left out where every value is. */
  fits?: (json: string, text: string) => string
  /** The type of Postgres whose input rules it must obey besides. */
  input?: string
  /** The column's value of it; null of what is absent. */
  read: (json: string, text: string) => string
  /** The JSON of the column. */
  write: (column: string) => string
  /** Whether `json` is another literal than `write`'s for the column's value; left out where there is only one. */
  loose?: (json: string, text: string, column: string) => string
  /** The column is JSON itself: it tells null from absent. */
  whole?: true
  /** An absent one is the moment of the import. */
  moment?: true
}

/** No letters but T and Z: 'now' and 'tomorrow' are no times here. The rest is for Postgres to judge. */
const TIME = String.raw`'^\d{4}[-0-9T:. Z+]*$'`

const isA = (kind: string) => (json: string) => `jsonb_typeof(${json}) = '${kind}'`
const number = (json: string, text: string, holds: string) =>
  `case when jsonb_typeof(${json}) = 'number' then (${text})::numeric ${holds} end`
const listOf = (kind: string) => (json: string) =>
  `jsonb_typeof(${json}) = 'array' and not jsonb_path_exists(${json}, 'strict $[*] ? (@.type() != "${kind}")')`
const elements = (json: string, as: string) =>
  `case when jsonb_typeof(${json}) = 'array' then array(select ${as} from jsonb_array_elements_text(${json}) e) end`

/** 32 bits of a number: what is too small for them, which takes many digits to write, is 0. (Postgres would refuse it.) */
const REAL = 'case when length(e) > 40 and abs(e::numeric) < 1e-45 then 0 else e::real end'

export const types = {
  text: { name: 'text', fits: isA('string'), read: (_, text) => text, write: column => `to_jsonb(${column})` },
  /** Text that is stored in lower case. */
  lowercase: {
    name: 'text',
    fits: isA('string'),
    read: (_, text) => `lower(${text})`,
    write: column => `to_jsonb(${column})`,
    loose: (_, text, column) => `${text} <> ${column}`,
  },
  json: { name: 'any JSON value', read: json => json, write: column => column, whole: true },
  object: { name: 'an object', fits: isA('object'), read: json => json, write: column => column, whole: true },
  /** A JSON number in a numeric column: every digit. */
  number: { name: 'a number', fits: isA('number'), read: (_, text) => `(${text})::numeric`, write: column => `to_jsonb(${column})` },
  /** A whole number in a bigint column, signed. 5.0 is one. */
  integer: {
    name: 'an integer of 64 bits',
    fits: (json, text) => number(json, text, `between -9223372036854775808 and 9223372036854775807 and (${text})::numeric % 1 = 0`),
    read: (_, text) => `(${text})::numeric::bigint`,
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
    loose: (_, text, column) => `${text} not like '%Z' or ${text} <> iso(${column})`,
    moment: true,
  },
  /** Seconds since 1970, a number; what microseconds cannot hold is kept as given. */
  unix: {
    name: 'a time in seconds',
    fits: (json, text) => number(json, text, 'between -60000000000 and 250000000000'),
    read: (_, text) => `to_timestamp((${text})::double precision)`,
    write: column => `to_jsonb(trim_scale(extract(epoch from ${column})))`,
    loose: (_, text, column) => `(${text})::numeric <> extract(epoch from ${column})`,
    moment: true,
  },
  /** A list of texts in a text[] column. */
  texts: { name: 'a list of texts', fits: listOf('string'), read: json => elements(json, 'e'), write: column => `to_jsonb(${column})` },
  /** A list of numbers in a real[] column; what 32 bits round is kept as given. */
  floats: {
    name: 'a list of numbers',
    fits: listOf('number'),
    read: json => elements(json, REAL),
    write: column => `to_jsonb(${column})`,
    loose: (json, _, column) => `${json} <> to_jsonb(${column})`,
  },
  /** The same in a column of pgvector. */
  vector: {
    name: 'a list of numbers',
    fits: listOf('number'),
    read: json => `(${json} #>> '{}')::vector`,
    write: column => `(${column}::text)::jsonb`,
    loose: (json, _, column) => `${json} <> (${column}::text)::jsonb`,
  },
} satisfies Record<string, Type>

export const typeOf = ({ type }: { type: keyof typeof types }): Type => types[type]
