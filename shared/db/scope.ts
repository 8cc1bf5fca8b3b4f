import type { Trace } from '../observe/trace.ts'
import { higher, type Role } from '../roles.ts'
import type { Columns, Statement, Value } from './batch.ts'

/** Why and by whom a transaction is made: what the audit keeps of a request. */
export type Context = { request_id: string; address?: string; on_behalf_of?: string; reason?: string }

/**
 * In whose name a store works: the first argument of every store method. `organization_id` bounds what it sees; the rest
 * becomes the first statement of the same round trip, which checks the credential and opens row-level security's scope.
 */
export type Scope = {
  readonly organization_id: string
  readonly caller: Caller
  readonly context: Context
  /** The trace of the request (W3C), for the log. */
  readonly trace?: string | undefined
  /** Where its round trips are noted, if it is one of the sample. */
  readonly spans?: Trace | undefined
  /** The route that is served, `get /agents/:id`: what its statements are tagged with. */
  readonly route?: string | undefined
  /** An open transaction that the work joins (a request with an Idempotency-Key). */
  readonly unit?: Unit | undefined
  /** A connection to work on, each call a transaction of its own (a job, on the connection that holds its lock). */
  readonly lent?: ((statements: readonly Statement[]) => Promise<Columns[][]>) | undefined
  /** Gives the lent connection back until it is needed again, while the work waits for something else: where there is no other one. */
  readonly rest?: (() => void) | undefined
  readonly around?: Around | undefined
  /** How a store in memory is to do what it does, where it had to wait for something first. */
  readonly step?: Step | undefined
  /** By Postgres's clock: beyond it the scope is refused with AH410 (the stage `complete`, which asks nothing else). */
  readonly validUntil?: string | undefined
}

/** Does some work that waits for nothing: where it is to be drafted within the draft, and not at all where memory is no longer ours. */
export type Step = <R>(work: () => R) => R

export type Caller =
  /** An API key or session token, by the SHA-256 of its text; `role` is the least that the work asks for. */
  | { readonly kind: 'token'; readonly hash: Buffer; readonly role: Role }
  /** The platform itself: the admin key, a service account, a login. `actor` is what the audit shows. */
  | { readonly kind: 'platform'; readonly actor: string }
  /** Work across organizations, as the role agenthub_jobs. */
  | { readonly kind: 'jobs'; readonly actor: string }

/** A transaction that somebody else opens and ends. */
export type Unit = {
  /** What it is kept under, '<route> <key>', and the SHA-256 of what the request asks. */
  readonly id: string
  readonly hash: Buffer
  run(statements: readonly Statement[]): Promise<Columns[][]>
  /**
   * Commits what was done so far and gives the connection back: what follows is a transaction of its own, under the same key.
   * For work outside that no transaction may wait for, and whose beginning must outlast a crash.
   */
  commit(): Promise<void>
  /** Asks to be told how it ended, before the answer goes out. When it ends `refused`, `around` has been read once more. */
  onEnd(told: (outcome: Ended) => void, around?: Around): void
}

/** `refused`: what was done is undone, and a refusal is committed in its place. */
export type Ended = 'committed' | 'refused' | 'undone' | 'unknown'

/** What runs around a store's statements, in their transaction: checks before them, and what is read after them. */
export type Around = {
  readonly checks: readonly Check[]
  readonly after: readonly Statement[]
  /** Told the rows of `after`, once the batch has gone through. */
  learn(rows: readonly Columns[][]): void
}

/** A function of the database that raises an error, and so ends its batch, where what is asked for does not hold. */
export type Check = { readonly call: 'hold_epoch' | 'hold_complete'; readonly values: readonly Value[] }

/**
 * The statement that opens the scope, checks what is asked for, and says how what follows is planned: as one, for every further one
 * costs a write as much as half of its check. Raises AH401, AH403 or AH410, and so ends its batch.
 */
export const opening = (scope: Scope, checks: readonly Check[] = [], planned?: 'once'): Statement => {
  const entered = checks.reduce<Statement>(({ name, text, values }, check) => {
    const parameters = check.values.map((_, i) => `$${values.length + i + 1}`).join(', ')
    return { name: `${name}, ${check.call}`, text: `${text}, ${check.call}(${parameters})`, values: [...values, ...check.values] }
  }, entrance(scope))
  return planned ? { ...entered, name: `${entered.name}, plan once`, text: `${entered.text}, ${PLAN_ONCE}` } : entered
}

const PLAN_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', true)"

const entrance = ({ organization_id, caller, context, validUntil = undefined }: Scope): Statement => {
  const about = JSON.stringify(context)
  switch (caller.kind) {
    case 'token':
      return {
        name: 'authenticate',
        text: 'select authenticate($1, $2, $3, $4, $5)',
        values: [organization_id, caller.hash, caller.role, about, validUntil ?? null],
      }
    case 'platform':
      return {
        name: 'enter_scope',
        text: 'select enter_scope($1, $2, $3, $4)',
        values: [organization_id, caller.actor, about, validUntil ?? null],
      }
    case 'jobs':
      return {
        name: 'enter_jobs',
        text: ENTER_JOBS,
        values: [caller.actor, about],
      }
  }
}

/**
 * The role is set first: a login that may not become it ends the batch here. These statements are few and large, so that each is
 * planned for its own values; the embedded engine does not come back from planning them for any value.
 */
const ENTER_JOBS = `select set_config('role', 'agenthub_jobs', true), set_config('plan_cache_mode', 'force_custom_plan', true),
  set_config('app.actor', $1, true), set_config('app.context', $2, true)`

/** The same caller at work across organizations. Only what asks for the platform may use it. */
export const acrossOrganizations = (scope: Scope): Scope => {
  if (scope.caller.kind === 'token') throw new Error("a tenant's caller does not work across organizations")
  return { ...scope, caller: { kind: 'jobs', actor: scope.caller.actor } }
}

/** The same scope, asking for a higher role where what is done calls for one (making an owner takes an owner). */
export const atLeast = (scope: Scope, role: Role): Scope =>
  scope.caller.kind === 'token' ? { ...scope, caller: { ...scope.caller, role: higher(scope.caller.role, role) } } : scope
