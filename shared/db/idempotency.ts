import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import type { Columns, Statement } from './batch.ts'
import { type Database, plain, type Run } from './database.ts'
import { type DatabaseError, toRefusal, toWriteRefusal } from './refusals.ts'
import { type Around, type Ended, opening, type Scope } from './scope.ts'

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

/** How often a change of stage is met. */
const ATTEMPTS = 5

/**
 * Does `work` once for a key, in two round trips: [begin, scope, claim, effect], then [keep the answer, commit].
 * The key is locked by the transaction itself, so a crash leaves neither effect nor key behind, and nothing to clean up.
 * Work that commits in between (`unit.commit`) records for itself what is left to do: each of its transactions claims the key
 * anew, and the last one keeps the answer.
 * `render` makes the kept answer of what `work` throws. Throws 409 while the key is in flight and 422 for another request's key.
 * When a collection changes its stage meanwhile, all of it is undone and done again, by a transaction of its own.
 */
export const doOnce = async (
  db: Database,
  scope: Scope,
  key: IdempotencyKey,
  work: (scope: Scope) => Promise<Kept>,
  render: (refusal: Refusal) => Kept,
): Promise<Kept & { replayed: boolean }> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await db.session(tryOnce(scope, key, work, render))
    } catch (error) {
      if (!(error instanceof EpochMoved) || attempt === ATTEMPTS) throw error
    }
}

const tryOnce =
  (scope: Scope, key: IdempotencyKey, work: (scope: Scope) => Promise<Kept>, render: (refusal: Refusal) => Kept) =>
  async (send: Run, rest: () => void): Promise<Kept & { replayed: boolean }> => {
    let open = false
    let committed = false
    const told: { tell: (outcome: Ended) => void; around: Around | undefined }[] = []
    const end = (outcome: Ended) => {
      for (const { tell } of told.splice(0)) tell(outcome)
    }
    const first = [plain('begin'), opening(scope), claim(scope, key), plain('savepoint effect')]
    const run = async (statements: readonly Statement[]): Promise<Columns[][]> => {
      if (open) return send(statements)
      open = true
      return (await send([...first, ...statements])).slice(first.length)
    }
    /** The last trip of a transaction, and the first one too where none is open. `lost` is how it ended when nobody can tell. */
    const commit = async (lost: Ended, ...statements: Statement[]): Promise<Columns[][]> => {
      const results = await run([...statements, plain('commit')]).catch((error: DatabaseError) => {
        if (error.code === 'AH208') throw error
        const refusal = toWriteRefusal(error)
        end(refusal instanceof OutcomeUnknown ? lost : 'undone')
        throw refusal
      })
      open = false
      committed = true
      return results
    }
    const finish = async (answer: Kept) => {
      if (open || committed) await commit('unknown', opening(scope), keep(scope, key, answer))
      end('committed')
      return { ...answer, replayed: false }
    }
    /** Nothing but the refusal is committed; what it was made of is read again, where nothing of this transaction is in it. */
    const refuse = async (refusal: Refusal) => {
      const answer = render(refusal)
      const before = [...(open ? [plain('rollback to savepoint effect')] : []), opening(scope)]
      const seen = told.flatMap(({ around }) => around ?? [])
      const looks = seen.flatMap(({ after }) => after)
      const rows = (await commit('undone', ...before, ...looks, keep(scope, key, answer))).slice(before.length)
      for (const { after, learn } of seen) learn(rows.splice(0, after.length))
      end('refused')
      return { ...answer, replayed: false }
    }
    const pause = async () => {
      await commit('unknown')
      end('committed')
      rest()
    }
    try {
      const onEnd = (tell: (outcome: Ended) => void, around?: Around) => void told.push({ tell, around })
      return await finish(await work({ ...scope, unit: { ...key, run, commit: pause, onEnd } }))
    } catch (error) {
      if ((error as DatabaseError).code === 'AH208') {
        end('unknown') // the first answer may be on its way still: what it changed is looked up before it is served
        const [row] = (await send([plain('rollback'), opening(scope), kept(scope, key)]).catch(rethrow)).at(-1) as Columns[]
        const [status, headers, body] = row as [string, string, string]
        return { status: Number(status), headers: JSON.parse(headers), body, replayed: true }
      }
      if ((open || committed) && isKept(error)) return await refuse(error)
      end('undone')
      // what was committed before is not done again from the beginning: the request's retry goes on with it
      if (committed && error instanceof EpochMoved) throw new Refusal('unavailable', error.message, { retryAfter: 1, cause: error })
      throw error
    }
  }

const rethrow = (error: DatabaseError): never => {
  throw toRefusal(error)
}
