import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Columns } from '../../shared/db/batch.ts'
import { type Database, plain, type Run } from '../../shared/db/database.ts'
import { emptyExport, nextEntries, openExport, rowsOf, sharedKey } from '../../shared/db/legacy.export.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import { type DatabaseError, toRefusal } from '../../shared/db/refusals.ts'
import { opening, type Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import type { Bounds } from './store.ts'

/** The bytes of a page that an export aims at: the rows of the next follow from the size of the last. */
const PAGE_BYTES = 256 * 1024
const LIMITS = [1, 10, 100, 1000]

/** Keys that are looked through for one that is shared, in one statement. */
const BUCKET_ROWS = 250_000

/** How long a reader may take over a page, in milliseconds: meanwhile a connection waits, and the embedded engine has one. */
const PATIENCE = 8_000
/** How long its transaction may wait so (ms). */
const IDLE = 10_000

/**
 * The text of a dictionary, piece by piece, as it stood at one moment: a single transaction, whose connection is lent until the
 * end. Throws conflict, before the first piece, when two organizations share a key.
 */
export async function* exportAll(db: Database, scope: Scope, collection: Collection, bounds: Bounds): AsyncGenerator<string> {
  const pieces = new PassThrough({ objectMode: true, highWaterMark: 2 })
  const closed = new AbortController()
  pieces.once('close', () => closed.abort())
  const give = async (piece: string) => {
    if (pieces.write(piece)) return
    const late = AbortSignal.timeout(PATIENCE)
    await once(pieces, 'drain', { signal: AbortSignal.any([late, closed.signal]) }).catch(() => {
      throw new Refusal('unavailable', 'the export was read too slowly, or not to its end')
    })
  }
  const work = db
    .session(run => exportOver(run, scope, collection, bounds, give))
    .then(
      () => pieces.end(),
      error => pieces.destroy(error instanceof Refusal ? error : toRefusal(error as DatabaseError)),
    )
  try {
    yield* pieces as AsyncIterable<string>
  } finally {
    pieces.destroy()
    await work
  }
}

const exportOver = async (
  run: Run,
  scope: Scope,
  collection: Collection,
  { none, only }: Bounds,
  give: (piece: string) => Promise<void>,
) => {
  const begin = [plain('begin isolation level repeatable read read only'), plain(`set local idle_in_transaction_session_timeout = ${IDLE}`)]
  const [count] = (await run([...begin, opening(scope), rowsOf(collection)])).at(-1) as Columns[]
  if (only === undefined) await refuseSharedKeys(run, collection, Number(count?.[0]))
  await run([openExport(collection, none ?? null, only ?? null)])
  for await (const piece of textOf(run, collection, only ?? null)) await give(piece)
  await run([plain('rollback')]) // nothing was written
}

const refuseSharedKeys = async (run: Run, collection: Collection, rows: number): Promise<void> => {
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(1, rows / BUCKET_ROWS)))
  for (let bucket = 0; bucket < buckets; bucket++) {
    const [[shared]] = (await run([sharedKey(collection, bucket, buckets)])) as [Columns[]]
    if (shared) throw new Refusal('conflict', `two organizations have the key ${shared[0]}: export one with only_organization`)
  }
}

/** The dictionary's text: each inner one is opened when its key is first met, and closed at the next. */
async function* textOf(run: Run, collection: Collection, only: string | null): AsyncGenerator<string> {
  const { nested } = collection
  const [open, close] = nested ? (nested.kind === 'list' ? '[]' : '{}') : ['', '']
  let [before, key] = ['{', undefined as string | null | undefined]
  for await (const rows of entriesOf(run)) {
    let text = ''
    for (const [outer, member] of rows) {
      const start = `${key === undefined ? '' : close}${before}${outer}:${open}`
      text += `${nested && outer === key ? ',' : start}${member}`
      ;[before, key] = [',', outer]
    }
    yield text
  }
  if (key !== undefined) yield close as string
  const empty = nested ? ((await run([emptyExport(collection, only)])) as [Columns[]])[0] : []
  for (const [outer] of empty) {
    yield `${before}${outer}:${open}${close}`
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

/** What the open cursor gives, page by page. */
async function* entriesOf(run: Run): AsyncGenerator<Columns[]> {
  for (let limit = 10; ; ) {
    const [rows] = (await run([nextEntries(limit)])) as [Columns[]]
    if (rows.length === 0) return
    yield rows
    const bytes = rows.reduce((sum, [, member]) => sum + (member as string).length, 0)
    limit = LIMITS.findLast(most => most <= (rows.length * PAGE_BYTES) / bytes) ?? 1
  }
}
