import { OutcomeUnknown, Refusal } from '../errors.ts'
import type { Columns, Statement } from './batch.ts'
import { type Database, plain } from './database.ts'
import { type DatabaseError, toRefusal, toWriteRefusal } from './refusals.ts'
import { opening, type Scope } from './scope.ts'

/** An answer as it is kept for replays. */
export type Kept = { status: number; headers: Record<string, string>; body: string }

/** `id` is '<route> <key>', `hash` the SHA-256 of the request: the same key with another hash is refused. */
export type IdempotencyKey = { id: string; hash: Buffer }

/** Refusals by state are kept like successes: a retry must hear the same. One that asks for patience (in flight) is none. */
const isKept = (error: unknown): error is Refusal =>
  error instanceof Refusal && ['not_found', 'conflict', 'version_mismatch'].includes(error.code) && error.retryAfter === undefined

const claim = (scope: Scope, key: IdempotencyKey): Statement => ({
  name: 'idempotency_claim',
  text: 'select claim_idempotency_key($1, $2, $3)',
  values: [scope.organization_id, key.id, key.hash],
})

const keep = (scope: Scope, key: IdempotencyKey, { status, headers, body }: Kept): Statement => ({
  name: 'idempotency_keep',
  text: `insert into idempotency_keys (organization_id, id, request_hash, status, headers, body, version, created_at, updated_at)
values ($1, $2, $3, $4::smallint, $5::jsonb, $6, nextval('row_version'), now(), now())
on conflict (organization_id, id) do update
set request_hash = excluded.request_hash, status = excluded.status, headers = excluded.headers, body = excluded.body,
  version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at`,
  values: [scope.organization_id, key.id, key.hash, status, JSON.stringify(headers), body],
})

const kept = (scope: Scope, key: IdempotencyKey): Statement => ({
  name: 'idempotency_kept',
  text: 'select status, headers::text, body from idempotency_keys where organization_id = $1 and id = $2',
  values: [scope.organization_id, key.id],
})

/**
 * Does `work` once for a key, in two round trips: [begin, scope, claim, effect], then [keep the answer, commit].
 * The key is locked by the transaction itself, so a crash leaves neither effect nor key behind, and nothing to clean up.
 * Work that commits in between (`unit.commit`) records for itself what is left to do: each of its transactions claims the key
 * anew, and the last one keeps the answer.
 * `render` makes the kept answer of what `work` throws. Throws 409 while the key is in flight and 422 for another request's key.
 */
export const doOnce = (
  db: Database,
  scope: Scope,
  key: IdempotencyKey,
  work: (scope: Scope) => Promise<Kept>,
  render: (refusal: Refusal) => Kept,
): Promise<Kept & { replayed: boolean }> =>
  db.session(async (send, rest) => {
    let open = false
    let committed = false
    const told: ((outcome: 'committed' | 'undone' | 'unknown') => void)[] = []
    const end = (outcome: 'committed' | 'undone' | 'unknown') => {
      for (const tell of told.splice(0)) tell(outcome)
    }
    const first = [plain('begin'), opening(scope), claim(scope, key), plain('savepoint effect')]
    const run = async (statements: readonly Statement[]): Promise<Columns[][]> => {
      if (open) return send(statements)
      open = true
      return (await send([...first, ...statements])).slice(first.length)
    }
    const commit = async (...before: Statement[]) => {
      await run([...before, plain('commit')]).catch((error: DatabaseError) => {
        if (error.code === 'AH208') throw error
        const refusal = toWriteRefusal(error)
        end(refusal instanceof OutcomeUnknown ? 'unknown' : 'undone')
        throw refusal
      })
      open = false
      committed = true
      end('committed')
      rest()
    }
    const finish = async (answer: Kept, ...before: Statement[]) => {
      if (before.length > 0) end('undone')
      if (open || committed) await commit(...before, opening(scope), keep(scope, key, answer))
      end('committed')
      return { ...answer, replayed: false }
    }
    const unit = { key, run, commit: () => commit(), onEnd: (tell: (typeof told)[number]) => told.push(tell) }
    try {
      return await finish(await work({ ...scope, unit }))
    } catch (error) {
      if ((error as DatabaseError).code === 'AH208') {
        end('unknown') // the first answer may be on its way still: what it changed is looked up before it is served
        const [row] = (await send([plain('rollback'), opening(scope), kept(scope, key)]).catch(rethrow)).at(-1) as Columns[]
        const [status, headers, body] = row as [string, string, string]
        return { status: Number(status), headers: JSON.parse(headers), body, replayed: true }
      }
      if (isKept(error) && (open || committed)) return await finish(render(error), ...(open ? [plain('rollback to savepoint effect')] : []))
      end('undone')
      throw error
    }
  })

const rethrow = (error: DatabaseError): never => {
  throw toRefusal(error)
}
