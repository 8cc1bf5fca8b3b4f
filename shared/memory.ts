import { staleVersion } from './db/rows.ts'
import { stringify } from './json.ts'
import type { Key, Page, Row, Slice } from './record.ts'

/** What memory keeps of a record: its value on the wire without a version, and whether it was removed. */
type Kept<T> = { value: T; version: string; deleted: boolean }

/** Hands out versions: decimal digits, each larger than the last. */
export type NextVersion = () => string

/** A dictionary of one collection, an organization each; removed records stay as tombstones, as they do in Postgres. T is kept, W goes on the wire. */
export type Table<T, W> = {
  get(organization: string, id: string): Row<W> | undefined
  /** The value as it is kept. */
  peek(organization: string, id: string): T | undefined
  /** The records that `keep` likes, in descending (or ascending) order of `keyOf`, which must be unique. */
  list(
    organization: string,
    slice: Slice,
    keyOf: (value: T, id: string) => Key,
    order: 'up' | 'down',
    keep?: (value: T) => boolean,
  ): Page<W>
  /** Undefined when the id is taken. */
  create(organization: string, id: string, value: T): Row<W> | undefined
  /** Puts what `change` makes of the value (undefined where there is none) in its place; undefined changes nothing. */
  put(organization: string, id: string, change: (value: T | undefined) => T | undefined, ifMatch?: string): Row<W> | undefined
  /** Leaves a tombstone that holds what `bury` makes of the value. */
  remove(organization: string, id: string, bury: (value: T) => T, ifMatch?: string): Row<W> | undefined
}

/** A table in this process. Every method ends before the next begins: there is no await between a check and its write. */
export const makeTable = <T extends object, W>(nextVersion: NextVersion, render: (value: T, version: string) => object): Table<T, W> => {
  const organizations = new Map<string, Map<string, Kept<T>>>()

  const rowsOf = (organization: string) => {
    const rows = organizations.get(organization) ?? new Map<string, Kept<T>>()
    organizations.set(organization, rows)
    return rows
  }
  const rowOf = (id: string, { value, version }: Kept<T>): Row<W> => ({ id, version, json: stringify(render(value, version)) })
  const alive = (organization: string, id: string): Kept<T> | undefined => {
    const kept = rowsOf(organization).get(id)
    return kept?.deleted ? undefined : kept
  }
  const keep = (organization: string, id: string, value: T, deleted = false): Row<W> => {
    const kept = { value, version: nextVersion(), deleted }
    rowsOf(organization).set(id, kept)
    return rowOf(id, kept)
  }
  const checkVersion = (kept: Kept<T>, ifMatch: string | undefined) => {
    if (ifMatch !== undefined && ifMatch !== kept.version) throw staleVersion(kept.version)
  }

  return {
    get: (organization, id) => {
      const kept = alive(organization, id)
      return kept && rowOf(id, kept)
    },
    peek: (organization, id) => alive(organization, id)?.value,
    list: (organization, { limit, after }, keyOf, order, wanted = () => true) => {
      const sign = order === 'up' ? 1 : -1
      const all = [...rowsOf(organization)]
        .filter(([, kept]) => !kept.deleted && wanted(kept.value))
        .map(([id, kept]) => ({ key: keyOf(kept.value, id), row: rowOf(id, kept) }))
        .filter(({ key }) => after === undefined || sign * compareKeys(key, after) > 0)
        .sort((a, b) => sign * compareKeys(a.key, b.key))
      return { items: all.slice(0, limit).map(({ row }) => row), next: all.length > limit ? all[limit - 1]?.key : undefined }
    },
    create: (organization, id, value) => (alive(organization, id) ? undefined : keep(organization, id, value)),
    put: (organization, id, change, ifMatch) => {
      const kept = alive(organization, id)
      if (kept) checkVersion(kept, ifMatch)
      const value = change(kept?.value)
      return value && keep(organization, id, value)
    },
    remove: (organization, id, bury, ifMatch) => {
      const kept = alive(organization, id)
      if (kept) checkVersion(kept, ifMatch)
      return kept && keep(organization, id, bury(kept.value), true)
    },
  }
}

/** Compares sort keys part by part, each by its UTF-8 bytes, as Postgres does under the "C" collation. */
const compareKeys = (a: Key, b: Key): number => {
  for (const [i, part] of a.entries()) {
    const order = Buffer.compare(Buffer.from(part), Buffer.from(b[i] as string))
    if (order !== 0) return order
  }
  return 0
}
