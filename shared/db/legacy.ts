import type { types } from './legacy.types.ts'

/**
 * How the entries of an old dictionary lie in our tables, as data: a domain's legacy.ts declares it, and the files beside this
 * one make the SQL that imports, compares and exports them. A row remembers in `extra` what its columns cannot give back:
 *   imported  the version that the import gave it, and the entry's hash: together they tell whether it was touched since
 *   absent    the known fields that the entry lacked; believed while the column still holds what an absent field gave it
 *   as_given  literals that a column gives back in other words (a time without zone); believed while they still convert to its value
 *   fields    the entry's unknown fields
 *   at        the moment of the import, where a time was absent
 *
 * To write a legacy.ts, say three things.
 * 1. What an entry is: an object (`{ id?, fields, children? }`: each known field and the column that holds it; whatever else
 *    it has is kept) or a bare value (`{ scalar }`). A Field's `type` is one of legacy.types.ts, which tells how JSON becomes
 *    the column and comes back. `organization_id` is known without being declared.
 * 2. Where the entries stand: `{ key: entry }` unless `nested` says `{ key: [entry, ...] }` or `{ key: { place: entry } }`.
 *    The row's id is the key, or what `nested.id` makes of key and place.
 * 3. What else the row holds or the domain does, in SQL: `derived` columns, `organization`, `only`, `replaces`, `before`, `also`.
 *
 * The table has organization_id, id, extra jsonb, version, created_at, updated_at and, unless `fixed`, deleted_at; agenthub_jobs
 * may select, insert and (unless `fixed`) update it. Stamps that no field fills hold the moment of the import. Nothing is looked
 * up by foreign keys, nothing is left out because it is expired: what the dictionary held is what comparison and export show.
 */
export type Collection = {
  name: string
  table: string
  entry: Entry | Scalar
  nested?: Nested
  /** Columns that no field fills: SQL over the row's other columns, `organization_id`, `id`, `key` and `place`. */
  derived?: { readonly [column: string]: string }
  /** The organization of the entries under `key` that name none, in SQL over `key`; where it is null the request's is taken. */
  organization?: string
  /** The rows of the table (`r.`) that the dictionary is made of, where these are not all. */
  only?: string
  /** Rows (`r.`) that give way to an entry although no import made them. */
  replaces?: string
  /** Rows are never changed nor removed: an entry that differs from its row is a conflict. */
  fixed?: true
  /** The table of (organization_id, id, created_at) that keeps ids unique where `table` is partitioned by created_at. */
  claims?: string
  /** A select that runs before each batch, over `good` (organization_id, id, entry, key, place): makes partitions. */
  before?: string
  /**
   * Further parts of the import's `with`, over `written`: the rows just made (`fresh`) or changed, with every column that the
   * import fills, `entry`, `key` and `place`. Who changes another imported row there writes its new version into
   * `extra.imported[0]` as well, or the next import takes it for changed by a caller.
   */
  also?: { readonly [name: string]: string }
}

/** An entry that is an object. `id` is the field that repeats the key; `organization_id` may name the organization. */
export type Entry = { id?: string; fields: readonly Field[]; children?: Children }

/** An entry that is a bare value: the column `scalar`. Its organization is the request's. */
export type Scalar = { scalar: Pick<Field, 'column' | 'type'> }

/** Dictionaries in a dictionary (`map`), or lists in one. Not with children. An empty one is remembered as a key. */
export type Nested = {
  kind: 'map' | 'list'
  /** The column of the outer key. */
  key: string
  /** A map's: the column of the inner key. */
  place?: string
  /** The row's id, in SQL over `key` and `place` (text: the inner key, or the position from 0). */
  id: string
  /** A list's order, in SQL over the row (`r.`): first what was imported, by its position. A map has none. */
  order?: string
}

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

export const isScalar = (entry: Entry | Scalar): entry is Scalar => 'scalar' in entry

/** A literal of SQL. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
