import { Refusal } from '../errors.ts'
import type { Key, Page, Row, Slice } from '../record.ts'
import type { Columns } from './batch.ts'

/** The SQL of a record's JSON: the select list `columns` as one object, compact, its text made by Postgres. */
export const jsonOf = (columns: string): string => `(select row_to_json(r)::text from (select ${columns}) r)`

/** The end of every record's select list. */
export const stamps = 'version, iso(created_at) as created_at, iso(updated_at) as updated_at'

/** A statement of ours selects `id, version, json` first; a list's sort key follows. */
export const toRow = <T>([id, version, json]: Columns): Row<T> => ({ id: id as string, version: version as string, json: json as string })

/** The first row, if any. */
export const oneRow = <T>(rows: readonly Columns[]): Row<T> | undefined => (rows[0] ? toRow<T>(rows[0]) : undefined)

/**
 * Where a list of the newest first begins: (created_at, id) before all. A value, and no coalesce in the statement: row-level
 * security lets an index start only from what it knows not to leak, and coalesce is not among that.
 */
export const NEWEST: Key = ['infinity', '']

/** A page of what was asked for with one row more than `limit`, whose presence says that the list goes on. */
export const toPage = <T>(rows: readonly Columns[], { limit }: Slice): Page<T> => {
  const items = rows.slice(0, limit)
  return {
    items: items.map(row => toRow<T>(row)),
    next: rows.length > limit ? ((items.at(-1) as Columns).slice(3) as string[]) : undefined,
  }
}

/**
 * What a change with If-Match answers: undefined when there is no such record. Such a statement is made by `orLeft`, which
 * yields the record as `id, version, null` when it is there but was not changed: then this throws version_mismatch.
 */
export const changedRow = <T>(rows: readonly Columns[]): Row<T> | undefined => {
  const [row] = rows
  if (row && row[2] === null) throw staleVersion(row[1] as string)
  return row && toRow<T>(row)
}

/** The same refusal from every store. */
export const staleVersion = (version: string) => new Refusal('version_mismatch', `the record is at version ${version} by now`)

/** A write of one entry, and the same one that answers the entry too, for whose memory has to take it over: `more` ends its select list. */
export const answering = (entry: string, write: (more: string) => string): { text: string; whole: string } => ({
  text: write(''),
  whole: write(`, deleted_at is not null as deleted, ${entry} as entry`),
})

/** Makes a change of one record ($1, $2) also answer the record that it left alone; `change` returns `id, version, json` and `more`. */
export const orLeft = (table: string, change: string, more = ''): string => `with changed as (${change})
select id, version, json${more && ', deleted, entry'} from changed
union all
select id, version, null${more && ', null, null'} from ${table}
where organization_id = $1 and id = $2 and deleted_at is null and not exists (select from changed)`
