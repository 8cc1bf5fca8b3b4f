import { parseJson } from './json.ts'

declare const shape: unique symbol

/**
 * A stored record as every store hands it out: its JSON exactly as it goes on the wire, with the id and version that
 * lists, ETags and replicas need. The text is built once, by Postgres or by memory, and written to the response as it is:
 * no digit is lost on the way and a hot read parses nothing.
 */
export type Row<T> = {
  readonly id: string
  /** From the one sequence of the database, as decimal digits: larger means later. */
  readonly version: string
  readonly json: string
  readonly [shape]?: T
}

/** Where a list goes on: the sort key of the last record handed out, as text. */
export type Key = readonly string[]

/** One page of a list; `next` is undefined at its end. */
export type Page<T> = { readonly items: Row<T>[]; readonly next: Key | undefined }

/** What a list is asked for: at most `limit` records after `after`. */
export type Slice = { readonly limit: number; readonly after: Key | undefined }

/** The record itself, for those who must look inside. */
export const parse = <T>(row: Row<T>): T => parseJson(row.json) as T

/** A row with one more field on the wire. */
export const withField = <T>(row: Row<unknown>, name: string, value: unknown): Row<T> => ({
  id: row.id,
  version: row.version,
  json: `${row.json.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`,
})
