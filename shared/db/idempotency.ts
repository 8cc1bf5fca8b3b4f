import { EpochMoved, OutcomeUnknown, Refusal } from '../errors.ts'
import type { Columns, Statement } from './batch.ts'
import { type Database, plain, type Run } from './database.ts'
import { type DatabaseError, toRefusal, toWriteRefusal } from './refusals.ts'
import { type Around, type Ended, opening, type Scope } from './scope.ts'

/** An answer as it is kept for replays. */
export type Kept = { status: number; headers: Record<string, string>; body: string }

/** `id` is '<route> <key>', `hash` the SHA-256 of the request: the same key with another hash is refused. */
export type IdempotencyKey = { id: string; hash: Buffer }

/** Refusals by state are kept like successes: a retry must hear the same. */
const isKept = (error: unknown): error is Refusal =>
  error instanceof Refusal && ['not_found', 'conflict', 'version_mismatch'].includes(error.code) && causeCode(error) !== 'AH409'

const causeCode = (error: unknown): string | undefined => ((error as Error).cause as DatabaseError | undefined)?.code

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
  async (send: Run): Promise<Kept & { replayed: boolean }> => {
    let open = false
    const told: { tell: (outcome: Ended) => void; around: Around | undefined }[] = []
    const end = (outcome: Ended) => {
      for (const { tell } of told.splice(0)) tell(outcome)
    }
    const run = async (statements: readonly Statement[]): Promise<Columns[][]> => {
      if (open) return send(statements)
      open = true
      const first = [plain('begin'), opening(scope), claim(scope, key), plain('savepoint effect')]
      return (await send([...first, ...statements])).slice(first.length)
    }
    /** The last trip: `before`, what the ended ones want to see, the answer. */
    const commit = async (answer: Kept, before: Statement[], seen: readonly Around[]): Promise<void> => {
      const looks = seen.flatMap(({ after }) => after)
      const results = await send([...before, opening(scope), ...looks, keep(scope, key, answer), plain('commit')])
      const rows = results.slice(before.length + 1)
      for (const { after, learn } of seen) learn(rows.splice(0, after.length))
    }
    const finish = async (answer: Kept) => {
      if (open)
        await commit(answer, [], []).catch((error: DatabaseError) => {
          const refusal = toWriteRefusal(error)
          end(refusal instanceof OutcomeUnknown ? 'unknown' : 'undone')
          throw refusal
        })
      end('committed')
      return { ...answer, replayed: false }
    }
    /** Nothing but the refusal is committed; what it was made of is read again, where nothing of this transaction is in it. */
    const refuse = async (refusal: Refusal) => {
      const answer = render(refusal)
      const seen = told.flatMap(({ around }) => around ?? [])
      await commit(answer, [plain('rollback to savepoint effect')], seen).catch((error: DatabaseError) => {
        end('undone')
        throw toWriteRefusal(error)
      })
      end('refused')
      return { ...answer, replayed: false }
    }
    try {
      const unit = { id: key.id, run, onEnd: (tell: (outcome: Ended) => void, around?: Around) => void told.push({ tell, around }) }
      return await finish(await work({ ...scope, unit }))
    } catch (error) {
      if ((error as DatabaseError).code === 'AH208') {
        end('unknown') // the first answer may be on its way still: what it changed is looked up before it is served
        const [row] = (await send([plain('rollback'), opening(scope), kept(scope, key)]).catch(rethrow)).at(-1) as Columns[]
        const [status, headers, body] = row as [string, string, string]
        return { status: Number(status), headers: JSON.parse(headers), body, replayed: true }
      }
      if (open && isKept(error)) return await refuse(error)
      end('undone')
      throw error
    }
  }

const rethrow = (error: DatabaseError): never => {
  throw toRefusal(error)
}
