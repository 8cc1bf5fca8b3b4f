import { expect } from 'vitest'
import { text } from '../../shared/cache/codecs.ts'
import { makeCopies } from '../../shared/cache/copies.ts'
import { makeDatabase } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { type Json, LosslessNumber, stringify } from '../../shared/json.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import { type Collection, makeStaged } from '../../shared/migration/staged.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { makeMetrics } from '../../shared/observe/metrics.ts'
import { type Page, parse, type Row, type Slice } from '../../shared/record.ts'
import { makeTestDatabase } from '../support/database.ts'

/** What a contract is run against: an implementation of the stores, in whose name they work, and how to end them. */
export type Made<S> = { stores: S; scope(organization: string): Scope; stop(): Promise<void> }
export type Make<S> = () => Promise<Made<S>>

const scope = (organization_id: string): Scope => ({
  organization_id,
  caller: { kind: 'platform', actor: 'test' },
  context: { request_id: 'test' },
})

/** Copies as an index.ts makes them. */
export const copies = () => makeCopies(makeMetrics(), { name: 'test', codec: text, seconds: 60, bytes: 2 ** 20 })

/** A runner over the dictionaries of this process. */
export const inMemory =
  <S>(makeStores: () => S): Make<S> =>
  async () => ({ stores: makeStores(), scope, stop: async () => {} })

/** A runner over a database of its own, on the engine of the test run. */
export const onPostgres =
  <S>(makeStores: (db: ReturnType<typeof makeDatabase>) => S): Make<S> =>
  async () => {
    const { db, stop } = await openDatabase()
    return { stores: makeStores(db), scope, stop }
  }

const openDatabase = async () => {
  const database = await makeTestDatabase()
  const { pool, close } = await database.open()
  const db = makeDatabase(pool, { ...database.config.pool, log: makeLog('silent', undefined), metrics: makeMetrics() })
  const stop = async () => {
    await close()
    await database.drop()
  }
  return { db, stop }
}

/** A runner over the mirror of memory and Postgres, all collections at one stage. */
export const mirrored =
  <S extends { [name: string]: object }>(stage: Stage, declare: () => { [N in keyof S]: Collection<S[N]> }): Make<S> =>
  async () => {
    const { db, stop } = await openDatabase()
    const settings = { first: stage, instance: 'test', leaseSeconds: 30, validSeconds: 30, mayHaveEnded: async () => false }
    const staged = Object.entries(declare()).map(([name, collection]) => {
      const one = makeStaged(db, makeLog('silent', undefined), settings, collection as Collection<object>)
      return { name, one }
    })
    const stores = Object.defineProperties({}, Object.fromEntries(staged.map(({ name, one }) => [name, { get: () => one.store }]))) as S
    const release = async () => {
      for (const { one } of staged) await one.release()
      await stop()
    }
    return { stores, scope, stop: release }
  }

/** The time of second `n` of the tests' day. */
export const at = (n: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString()

/** JSON with every object's keys in order, so that texts of equal values are equal, to the last digit. */
export const canonical = (value: unknown): string => stringify(ordered(value as Json))

const ordered = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null || value instanceof LosslessNumber) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, ordered(inner)]))
}

/** Says that a row is there and holds exactly `value` beside its version, which its JSON repeats. */
export const expectRow = (row: Row<unknown> | symbol | undefined, value: { id: string; [field: string]: unknown }): void => {
  const { id, version, json } = there(row)
  expect(id).toBe(value.id)
  expect(version).toMatch(/^[1-9]\d*$/)
  expect(canonical(parse({ id, version, json }))).toBe(canonical({ ...value, version: Number(version) }))
}

/** Says that a row is the one that was answered before: the same version, an equal value. Its text may be spelt otherwise. */
export const expectSame = (row: Row<unknown> | undefined, before: Row<unknown> | undefined): void => {
  expect([row?.id, row?.version]).toEqual([before?.id, before?.version])
  expect(row && canonical(parse(row))).toBe(before && canonical(parse(before)))
}

/** The row, which must be there. */
export const there = <R>(row: R): Exclude<R, symbol | undefined> => {
  expect(row).toBeDefined()
  expect(row).not.toBeTypeOf('symbol')
  return row as Exclude<R, symbol | undefined>
}

export const expectLater = (later: Row<unknown>, earlier: Row<unknown>): void =>
  expect(BigInt(later.version)).toBeGreaterThan(BigInt(earlier.version))

export const expectStale = (work: Promise<unknown>): Promise<void> =>
  expect(work).rejects.toSatisfy(error => error instanceof Refusal && error.code === 'version_mismatch')

/** Every page of a list, walked by its keys: the ids of each. */
export const walk = async (list: (slice: Slice) => Promise<Page<unknown> | undefined>, limit: number): Promise<string[][]> => {
  const pages: string[][] = []
  let after: Slice['after']
  do {
    const page = there(await list({ limit, after }))
    pages.push(page.items.map(({ id }) => id))
    after = page.next
  } while (after !== undefined)
  return pages
}

export const all: Slice = { limit: 200, after: undefined }
