import { randomUUID } from 'node:crypto'
import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { compareStatement, emptyOnlyInPostgres, forgetRuns, LISTED, onlyInPostgres } from '../../shared/db/legacy.compare.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { invalid, Refusal } from '../../shared/errors.ts'
import { type Json, parseJson } from '../../shared/json.ts'
import { type Lines, withoutUnreadable } from '../../shared/lines.ts'
import { eachBatch } from './batches.ts'
import { numbered, refusedValue } from './import.postgres.ts'
import type { Compared, Difference } from './schema.ts'
import type { Bounds, Part, Upload } from './store.ts'

/**
 * What is listed so far, each with the hash of its entry: a later line of the same key takes its place, as it would at an import.
 * (How often a key matched is not remembered: `matched` counts each batch that has it.)
 */
type Kept<T> = { hash: string; finding: T }
type Found = { only_in_source: Kept<string>[]; different: Kept<Difference>[] }

/** Compares a dictionary, or one part of it, with what the rows give back. */
export const compareAll = async (
  db: Database,
  scope: Scope,
  collection: Collection,
  upload: Upload,
  { none, only }: Bounds,
  { run, last }: Part = { run: randomUUID(), last: true },
): Promise<Compared> => {
  const sum: Compared = {
    equal: true,
    matched: 0,
    only_in_source: [],
    only_in_postgres: [],
    different: [],
    quarantined: [],
    counts: { only_in_source: 0, only_in_postgres: 0, different: 0, quarantined: 0 },
  }
  const found: Found = { only_in_source: [], different: [] }
  await eachBatch(upload.lines, async lines => {
    const { bytes, unreadable } = withoutUnreadable(lines.bytes)
    if (upload.whole && unreadable.length > 0) throw new Refusal('invalid_request', `the body cannot be read: ${unreadable[0]?.reason}`)
    for (const { n, key, reason } of unreadable) quarantine(sum, key, numbered(lines, n, key, reason))
    const bounds = { none: none ?? null, only: only ?? null }
    const listed = `{${[...found.only_in_source, ...found.different].map(({ hash }) => hash).join()}}`
    const compare = (carefully: boolean) => db.write(scope, compareStatement(collection, bytes, bounds, run, listed, carefully))
    const rows = await compare(false).catch(error => {
      if (refusedValue(error) === undefined) throw error
      return compare(true)
    })
    for (const row of rows) add(sum, found, row, lines, upload)
  })
  sum.only_in_source = found.only_in_source.map(({ finding }) => finding)
  sum.different = found.different.map(({ finding }) => finding)
  if (last) {
    await addOnlyInPostgres(db, scope, collection, only ?? null, run, sum)
    await db.write(scope, forgetRuns)
  }
  sum.equal = Object.values(sum.counts).every(count => count === 0)
  return sum
}

/** Looks for the rows that no part of the run has met, a page of the table after the other: a statement may run for seconds only. */
const addOnlyInPostgres = async (db: Database, scope: Scope, collection: Collection, only: string | null, run: string, sum: Compared) => {
  const found = (keys: readonly Columns[], count: number) => {
    sum.counts.only_in_postgres += count
    sum.only_in_postgres.push(...keys.map(row => row.at(-1) as string).slice(0, LISTED - sum.only_in_postgres.length))
  }
  for (let after: readonly string[] = []; ; ) {
    const [page, ...keys] = await db.read(scope, onlyInPostgres(collection, only, run, after))
    if (!page) break
    found(
      keys.map(row => row.slice(0, 3)),
      Number(page[3]),
    )
    after = page.slice(1, 3) as string[]
  }
  if (!collection.nested) return
  const empty = await db.read(scope, emptyOnlyInPostgres(collection, only, run))
  found(empty, empty.length)
}

/** Takes back what was found of a key that a later line repeats. */
const takeBack = (sum: Compared, found: Found, hash: string): void => {
  const others = <T>(list: Kept<T>[]) => list.filter(kept => kept.hash !== hash)
  const kind = found.different.some(kept => kept.hash === hash) ? 'different' : 'only_in_source'
  sum.counts[kind]--
  found.only_in_source = others(found.only_in_source)
  found.different = others(found.different)
}

const keep = <T>(list: Kept<T>[], finding: T, hash: string | null): void => {
  if (list.length < LISTED) list.push({ hash: hash as string, finding })
}

const add = (
  sum: Compared,
  found: Found,
  [kind, number, key = null, text, source = null, postgres = null, hash = '']: Columns,
  lines: Lines,
  { whole }: Upload,
): void => {
  const n = Number(number)
  switch (kind) {
    case 'matched':
      sum.matched += n
      break
    case 'missing':
      sum.counts.only_in_source += n
      break
    case 'differing':
      sum.counts.different += n
      break
    case 'only_in_source':
      keep(found.only_in_source, key as string, hash)
      break
    case 'different': {
      const finding = { key: key as string, path: text as string, ...side('source', source), ...side('postgres', postgres) }
      keep(found.different, finding, hash)
      break
    }
    case 'met':
      takeBack(sum, found, hash as string)
      break
    case 'homeless':
      throw invalid('organization', `is needed: the entry ${JSON.stringify(key)} names none`)
    case 'broken':
      if (whole) throw new Refusal('invalid_request', `the body is not valid JSON at ${JSON.stringify(key)}: ${text}`)
      quarantine(sum, key, numbered(lines, n, key, text))
      break
    case 'quarantined':
      quarantine(sum, key, numbered(lines, n, key, text))
  }
}

const quarantine = (sum: Compared, key: string | null, reason: string): void => {
  sum.counts.quarantined++
  if (sum.quarantined.length < LISTED) sum.quarantined.push({ key, reason })
}

/** A value on one side, with every digit; a side that has none leaves its name out. */
const side = (name: 'source' | 'postgres', text: string | null): { [side: string]: Json } =>
  text === null ? {} : { [name]: parseJson(text) }
