import type { Columns, Statement } from '../../../shared/db/batch.ts'
import type { Database } from '../../../shared/db/database.ts'
import type { Scope } from '../../../shared/db/scope.ts'
import type { Collection } from '../../../shared/migration/staged.ts'
import type { Code } from './code.ts'
import { COUNTERS, ORGANIZATION } from './state.ts'

/** What a store answers of a key: tombstones are shown, so that the order of reads can be checked. */
export type Seen = { id: string; version: number; value: string; deleted: boolean }

/** A small store of registers and counters (whose names begin with n). */
export type Toy = {
  get(scope: Scope, id: string): Promise<Seen | undefined>
  list(scope: Scope): Promise<Seen[]>
  put(scope: Scope, id: string, value: string, ifMatch?: string): Promise<Seen>
  remove(scope: Scope, id: string): Promise<Seen | undefined>
  increment(scope: Scope, id: string, by: number): Promise<Seen>
  /** Both counters, or those that are named, which a stage that holds a memory must know; in memory it waits for a look at Postgres first. */
  incrementAll(scope: Scope, by: number, among?: readonly string[]): Promise<Seen[]>
  /** The list, for which memory waits for a look at Postgres first. */
  survey(scope: Scope): Promise<Seen[]>
}

type Kept = { id: string; organization_id: string; value: string }

const itself = (id: string) => id
const methods = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  put: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
  increment: { kind: 'write', key: itself },
  incrementAll: { kind: 'write', key: (_: number, among?: readonly string[]) => among },
  survey: { kind: 'read' },
} as const

/** The value stands last in a row's JSON, and needs no escape. */
const textOf = (json: string): string => json.slice(json.lastIndexOf(':"') + 2, -2)

/** Told of each write that memory alone made, and for which request. */
export type InMemory = (request: string, seen: Seen) => void

/** What a store in memory waits for before it does its work. */
const LOOK: Statement = { name: 'toy.look', text: 'toy.look', values: [] }

export const toyCollection = (code: Code, own: Database, inMemory: InMemory): Collection<Toy> => {
  const table = code.makeTable<Kept, Kept>({ render: value => value, keyOf: ({ id }) => [id], order: 'up' })
  const kept = (id: string, value: string): Kept => ({ id, organization_id: ORGANIZATION, value })
  const noted = <S extends Seen | undefined>({ context }: Scope, seen: S): S => {
    if (seen) inMemory(context.request_id, seen)
    return seen
  }
  const increment = (scope: Scope, id: string, by: number): Seen => {
    const row = table.put(ORGANIZATION, id, before => kept(id, String(Number(before?.value ?? 0) + by)))
    return noted(scope, { id, version: Number(row?.version), value: textOf(row?.json as string), deleted: false })
  }
  const list = (): Seen[] =>
    [...table.replica.entries()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, version, json, deleted }) => ({ id, version: Number(version), value: textOf(json), deleted }))
  const memory: Toy = {
    get: async (_, id) => {
      const entry = table.replica.read(ORGANIZATION, id)
      return entry && { id, version: Number(entry.version), value: textOf(entry.json), deleted: entry.deleted }
    },
    list: async () => list(),
    put: async (scope, id, value, ifMatch) => {
      const row = table.put(ORGANIZATION, id, () => kept(id, value), ifMatch)
      return noted(scope, { id, version: Number(row?.version), value, deleted: false })
    },
    remove: async (scope, id) => {
      const row = table.remove(ORGANIZATION, id, value => value)
      return noted(scope, row && { id, version: Number(row.version), value: textOf(row.json), deleted: true })
    },
    increment: async (scope, id, by) => increment(scope, id, by),
    incrementAll: async (scope, by, among = COUNTERS) => {
      await own.read(scope, LOOK)
      return code.inOneStep(scope, () => among.map(id => increment(scope, id, by)))
    },
    survey: async scope => {
      await own.read(scope, LOOK)
      return code.inOneStep(scope, list)
    },
  }
  return {
    name: 'toy',
    memory,
    replica: table.replica,
    postgres: db => inPostgres(code, db),
    sql: { entries: 'toy', restore: ['restore toy'] },
    methods,
    fallback: true,
  }
}

const seenOf = ([id, version, json, deleted]: Columns): Seen => ({
  id: id as string,
  version: Number(version),
  value: textOf(json as string),
  deleted: deleted === 't',
})

/** What can answer the entry that it leaves behind. */
const telling = (name: string, ...values: (string | null)[]) => ({ name: `toy.${name}`, text: `toy.${name}`, whole: `toy.${name}`, values })

const inPostgres = (code: Code, db: Database): Toy => {
  const named = (name: string, ...values: (string | null)[]) => ({ name: `toy.${name}`, text: `toy.${name}`, values })
  return {
    get: async (scope, id) => {
      const [row] = await db.read(scope, named('get', id))
      return row && seenOf(row)
    },
    list: async scope => (await db.read(scope, named('list'))).map(seenOf),
    survey: async scope => (await db.read(scope, named('list'))).map(seenOf),
    incrementAll: async (scope, by, among) =>
      (await db.write(scope, named('increment_all', String(by), among ? JSON.stringify(among) : null))).map(seenOf),
    put: async (scope, id, value, ifMatch) => {
      const [row] = await db.write(scope, telling('put', id, value, ifMatch ?? null))
      if (row?.[2] === null) throw code.staleVersion(row[1] as string)
      return seenOf(row as Columns)
    },
    remove: async (scope, id) => {
      const [row] = await db.write(scope, telling('remove', id))
      return row && { ...seenOf(row), deleted: true }
    },
    increment: async (scope, id, by) => seenOf((await db.write(scope, telling('increment', id, String(by))))[0] as Columns),
  }
}
