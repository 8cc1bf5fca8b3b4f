import { staleVersion } from './db/rows.ts'
import type { Scope } from './db/scope.ts'
import { type Draft, makeDrafts } from './draft.ts'
import { parseJson, stringify } from './json.ts'
import type { Entry, Stamp } from './migration/stage.ts'
import { compareKeys, makeOrder, type Order } from './order.ts'
import type { Key, Page, Row, Slice } from './record.ts'

type Kept<T> = { value: T; version: string; deleted: boolean; dirty: boolean }
type Rows<T> = { byId: Map<string, Kept<T>>; order: Order }

/** A dictionary of one collection, an organization each. T is kept (the whole row), W goes on the wire. */
export type Table<T, W> = {
  get(organization: string, id: string): Row<W> | undefined
  /** The value as it is kept. */
  peek(organization: string, id: string): T | undefined
  /** Every record behind `after` in the table's order. */
  walk(organization: string, after: Key | undefined): IterableIterator<Walked<T, W>>
  /** The records that `wanted` likes, in the table's order. */
  list(organization: string, slice: Slice, wanted?: (value: T) => boolean): Page<W>
  /** Undefined when the id is taken. */
  create(organization: string, id: string, value: T): Row<W> | undefined
  /** Puts what `change` makes of the value (undefined where there is none) in its place; undefined changes nothing. */
  put(organization: string, id: string, change: (value: T | undefined) => T | undefined, ifMatch?: string): Row<W> | undefined
  /** Leaves a tombstone that holds what `bury` makes of the value. */
  remove(organization: string, id: string, bury: (value: T) => T, ifMatch?: string): Row<W> | undefined
  /** A version larger than every one that this table has handed out or been given. */
  nextVersion(): string
  replica: Replica
}

export type Walked<T, W> = { key: Key; value: T; row: () => Row<W> }

/** The side of a table that a mirror works with. Removed entries stay as tombstones, as they do in Postgres. */
export type Replica = {
  read(organization: string, id: string): Entry | undefined
  /** Whether an entry is here at that version. */
  has(stamp: Stamp): boolean
  /** How many entries there are, the removed ones among them. */
  size(): number
  /** Takes an entry over where it is newer than what is there: an older copy never comes back. What is dirty stays. */
  apply(entry: Entry): boolean
  /** Takes an entry over whatever is there, and has it clean. */
  replace(entry: Entry): void
  entries(): IterableIterator<Entry>
  /** What was written here and nowhere else. */
  dirty(): Pick<Entry, 'organization_id' | 'id'>[]
  /** Postgres has this entry: it is dirty no more, unless it has changed since it was read. */
  clean(entry: Entry): void
  newest(): bigint
  draft(): Draft
  /** Whether a draft stands over an entry. */
  drafted(entry: Pick<Entry, 'organization_id' | 'id'>): boolean
  clear(): void
}

/** How a table is kept: its wire, and its order, whose keys are unique and never change. `sortOf` makes texts of keys that sort as they should. */
export type Shape<T> = {
  render: (value: T, version: string) => object
  keyOf: (value: T, id: string) => Key
  sortOf?: (key: Key) => Key
  order: 'up' | 'down'
}

/**
 * What a store does in its tables once all that it has to wait for is there: checks and writes, in one step. A store that waits for
 * nothing needs it not: its call is one step.
 */
export const inOneStep = <R>({ step }: Scope, work: () => R): R => (step ? step(work) : work())

/** A table in this process. Every method ends before the next begins: there is no await between a check and its write. */
export const makeTable = <T extends object, W>({ render, keyOf, sortOf = key => key, order }: Shape<T>): Table<T, W> => {
  let organizations = new Map<string, Rows<T>>()
  let newest = 0n
  const compare = (a: Key, b: Key): number => compareKeys(sortOf(a), sortOf(b))

  const rowsOf = (organization: string): Rows<T> => {
    const rows = organizations.get(organization) ?? { byId: new Map(), order: makeOrder(compare) }
    organizations.set(organization, rows)
    return rows
  }
  const rowOf = (id: string, { value, version }: Kept<T>): Row<W> => ({ id, version, json: stringify(render(value, version)) })
  const entryOf = (organization_id: string, id: string, { value, version, deleted }: Kept<T>): Entry => ({
    organization_id,
    id,
    version,
    deleted,
    json: stringify(value),
  })
  const alive = (organization: string, id: string): Kept<T> | undefined => {
    const kept = rowsOf(organization).byId.get(id)
    return kept?.deleted ? undefined : kept
  }
  const put = (organization: string, id: string, kept: Kept<T> | undefined): void => {
    const rows = rowsOf(organization)
    const before = rows.byId.get(id)
    const was = before && !before.deleted ? keyOf(before.value, id) : undefined
    const is = kept && !kept.deleted ? keyOf(kept.value, id) : undefined
    if (was === undefined || is === undefined || compare(was, is) !== 0) {
      if (was) rows.order.remove(was)
      if (is) rows.order.insert({ key: is, id })
    }
    if (kept) rows.byId.set(id, kept)
    else rows.byId.delete(id)
  }
  const keep = (organization: string, id: string, kept: Kept<T>): void => {
    drafts.note(organization, id, kept)
    put(organization, id, kept)
    if (BigInt(kept.version) > newest) newest = BigInt(kept.version)
  }
  const drafts = makeDrafts<Kept<T>>({ read: (organization, id) => rowsOf(organization).byId.get(id), put, keep })
  const write = (organization: string, id: string, value: T, deleted = false): Row<W> => {
    const kept = { value, version: nextVersion(), deleted, dirty: true }
    keep(organization, id, kept)
    return rowOf(id, kept)
  }
  const nextVersion = (): string => String(++newest)
  const checkVersion = (kept: Kept<T>, ifMatch: string | undefined) => {
    if (ifMatch !== undefined && ifMatch !== kept.version) throw staleVersion(kept.version)
  }
  const take = ({ organization_id, id, version, deleted, json }: Entry): void =>
    keep(organization_id, id, { value: parseJson(json) as T, version, deleted, dirty: false })
  function* walk(organization: string, after: Key | undefined): IterableIterator<Walked<T, W>> {
    const rows = rowsOf(organization)
    for (const { key, id } of rows.order.walk(order, after)) {
      const kept = rows.byId.get(id) as Kept<T>
      yield { key, value: kept.value, row: () => rowOf(id, kept) }
    }
  }
  function* entries(): IterableIterator<Entry> {
    for (const [organization, { byId }] of organizations) for (const [id, kept] of byId) yield entryOf(organization, id, kept)
  }

  return {
    nextVersion,
    get: (organization, id) => {
      const kept = alive(organization, id)
      return kept && rowOf(id, kept)
    },
    peek: (organization, id) => alive(organization, id)?.value,
    walk,
    list: (organization, { limit, after }, wanted = () => true) => {
      const found: Walked<T, W>[] = []
      for (const one of walk(organization, after)) {
        if (wanted(one.value)) found.push(one)
        if (found.length > limit) break
      }
      const items = found.slice(0, limit)
      return { items: items.map(({ row }) => row()), next: found.length > limit ? items.at(-1)?.key : undefined }
    },
    create: (organization, id, value) => (alive(organization, id) ? undefined : write(organization, id, value)),
    put: (organization, id, change, ifMatch) => {
      const kept = alive(organization, id)
      if (kept) checkVersion(kept, ifMatch)
      const value = change(kept?.value)
      return value && write(organization, id, value)
    },
    remove: (organization, id, bury, ifMatch) => {
      const kept = alive(organization, id)
      if (kept) checkVersion(kept, ifMatch)
      return kept && write(organization, id, bury(kept.value), true)
    },
    replica: {
      read: (organization, id) => {
        const kept = rowsOf(organization).byId.get(id)
        return kept && entryOf(organization, id, kept)
      },
      has: ({ organization_id, id, version }) => organizations.get(organization_id)?.byId.get(id)?.version === version,
      size: () => [...organizations.values()].reduce((sum, { byId }) => sum + byId.size, 0),
      apply: entry => {
        const kept = rowsOf(entry.organization_id).byId.get(entry.id)
        if (kept?.dirty) return false
        if (kept && BigInt(kept.version) >= BigInt(entry.version)) return false
        take(entry)
        return true
      },
      replace: take,
      entries,
      dirty: () => {
        const found: Pick<Entry, 'organization_id' | 'id'>[] = []
        for (const [organization_id, { byId }] of organizations)
          for (const [id, { dirty }] of byId) if (dirty) found.push({ organization_id, id })
        return found
      },
      clean: ({ organization_id, id, version }) => {
        const { byId } = rowsOf(organization_id)
        const kept = byId.get(id)
        if (kept?.version === version) byId.set(id, { ...kept, dirty: false })
      },
      newest: () => newest,
      draft: drafts.make,
      drafted: drafts.over,
      clear: () => {
        organizations = new Map()
        drafts.clear()
        newest = 0n
      },
    },
  }
}

/** Keys that begin with a time: as microseconds always, so that its text sorts as the time does. */
export const byTime = ([time = '', ...rest]: Key): Key => [time.length === 24 ? `${time.slice(0, -1)}000Z` : time, ...rest]
