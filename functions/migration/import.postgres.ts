import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { importStatements } from '../../shared/db/legacy.import.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import type { DatabaseError } from '../../shared/db/refusals.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { invalid, Refusal } from '../../shared/errors.ts'
import { keyOfLine, type Lines, splitLines, withoutUnreadable } from '../../shared/lines.ts'
import { eachBatch } from './batches.ts'
import type { Finding, Imported } from './schema.ts'
import { type Bounds, nothingImported, type Upload } from './store.ts'

/** Findings that an answer lists; all are counted. */
const LISTED = 10_000

/** Imports a dictionary, a transaction a batch. */
export const importAll = async (
  db: Database,
  scope: Scope,
  collection: Collection,
  upload: Upload,
  { none }: Bounds,
): Promise<Imported> => {
  const sum = nothingImported()
  await eachBatch(upload.lines, async lines => {
    const { bytes, unreadable } = withoutUnreadable(lines.bytes)
    if (upload.whole && unreadable.length > 0) throw new Refusal('invalid_request', `the body cannot be read: ${unreadable[0]?.reason}`)
    for (const { n, key, reason } of unreadable) {
      sum.read++
      note(sum, 'quarantined', { key, reason: numbered(lines, n, key, reason) })
    }
    const settle: Settle = (numbers, carefully) =>
      db.write(scope, ...importStatements(collection, bytes, none ?? null, numbers ? `{${numbers.join()}}` : null, carefully))
    for (const rows of await settleAll(settle, bytes)) add(sum, rows, lines, upload)
  })
  return sum
}

type Settle = (numbers: readonly number[] | undefined, carefully: boolean) => Promise<Columns[]>

/**
 * Settles a batch: in good faith; carefully, when Postgres refuses something in it; and where the table itself refuses (a check, a
 * size), in halves down to the one line that it refuses. Lines that somebody else's insert came before are settled again; where one
 * comes before them a second time, the import is to be sent again: none goes uncounted.
 */
export const settleAll = async (settle: Settle, bytes: Buffer, numbers?: readonly number[], carefully = false): Promise<Columns[][]> => {
  try {
    const rows = await settle(numbers, carefully)
    const raced = racedIn(rows)
    if (raced.length === 0) return [rows]
    const again = await settle(raced, carefully)
    if (racedIn(again).length > 0)
      throw new Refusal('unavailable', 'others write the same entries: send the import again', { retryAfter: 1 })
    return [rows, again.filter(([kind]) => kind !== 'read')]
  } catch (error) {
    const reason = refusedValue(error)
    if (reason === undefined) throw error
    if (!carefully) return settleAll(settle, bytes, numbers, true)
    const lines = splitLines(bytes)
    const meant = numbers ?? lines.flatMap((line, i) => (line.length === 0 ? [] : [i + 1]))
    if (meant.length === 1) {
      const n = meant[0] as number
      return [
        [
          ['read', '1'],
          ['quarantined', String(n), keyOfLine(lines[n - 1] as Buffer), reason],
        ],
      ]
    }
    const half = meant.length >> 1
    const first = await settleAll(settle, bytes, meant.slice(0, half), true)
    return [...first, ...(await settleAll(settle, bytes, meant.slice(half), true))]
  }
}

/** The numbers of the lines that somebody else's insert came before. */
const racedIn = (rows: readonly Columns[]): number[] => rows.filter(([kind]) => kind === 'raced').map(([, n]) => Number(n))

/** Why Postgres refused a value, or undefined when it was not about a value. */
export const refusedValue = (error: unknown): string | undefined => {
  const { code = '', message } = ((error as Error).cause ?? {}) as DatabaseError
  return error instanceof Refusal && /^(22|23|54)/.test(code) ? message : undefined
}

const add = (sum: Imported, rows: Columns[], lines: Lines, { whole }: Upload): void => {
  for (const [kind, number, key = null, reason] of rows) {
    const n = Number(number)
    switch (kind) {
      case 'read':
      case 'inserted':
        sum[kind] += n
        break
      case 'unchanged':
      case 'updated':
        sum[kind]++
        break
      case 'homeless':
        throw invalid('organization', `is needed: the entry ${JSON.stringify(key)} names none`)
      case 'removed':
        throw new Refusal('conflict', `the organization ${JSON.stringify(reason)} of the entry ${JSON.stringify(key)} is removed`)
      case 'conflict':
        note(sum, 'conflicts', { key, reason: reason as string })
        break
      case 'broken':
        if (whole) throw new Refusal('invalid_request', `the body is not valid JSON at ${JSON.stringify(key)}: ${reason}`)
        note(sum, 'quarantined', { key, reason: numbered(lines, n, key, reason) })
        break
      case 'quarantined':
        note(sum, 'quarantined', { key, reason: numbered(lines, n, key, reason) })
    }
  }
}

const note = (sum: Imported, list: 'quarantined' | 'conflicts', finding: Finding): void => {
  sum.counts[list]++
  if (sum[list].length < LISTED) sum[list].push(finding)
}

/** A line without a key is told by its number. */
export const numbered = ({ first }: Lines, n: number, key: string | null, reason: string | null | undefined): string =>
  key === null ? `line ${first + n - 1}: ${reason}` : String(reason)
