import { higher, type Role } from '../roles.ts'
import type { Columns, Statement } from './batch.ts'

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
  /** An open transaction that the work joins (a request with an Idempotency-Key). */
  readonly unit?: Unit | undefined
}

export type Caller =
  /** An API key or session token, by the SHA-256 of its text; `role` is the least that the work asks for. */
  | { readonly kind: 'token'; readonly hash: Buffer; readonly role: Role }
  /** The platform itself: the admin key, a service account, a login. `actor` is what the audit shows. */
  | { readonly kind: 'platform'; readonly actor: string }

/** Runs statements inside a transaction that somebody else opens and ends. */
export type Unit = { run(statements: readonly Statement[]): Promise<Columns[][]> }

/** The statement that opens the scope. Raises AH401 or AH403, and so ends its batch, when the credential does not suffice. */
export const opening = ({ organization_id, caller, context }: Scope): Statement =>
  caller.kind === 'token'
    ? {
        name: 'authenticate',
        text: 'select authenticate($1, $2, $3, $4)',
        values: [organization_id, caller.hash, caller.role, JSON.stringify(context)],
      }
    : {
        name: 'enter_scope',
        text: 'select enter_scope($1, $2, $3)',
        values: [organization_id, caller.actor, JSON.stringify(context)],
      }

/** The same scope, asking for a higher role where what is done calls for one (making an owner takes an owner). */
export const atLeast = (scope: Scope, role: Role): Scope =>
  scope.caller.kind === 'token' ? { ...scope, caller: { ...scope.caller, role: higher(scope.caller.role, role) } } : scope
