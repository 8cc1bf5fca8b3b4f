import type { Scope } from '../../shared/db/scope.ts'
import type { Page, Slice } from '../../shared/record.ts'
import type { AuditEvent, AuditFilter } from './schema.ts'

/** The audit is written by Postgres itself, in the transaction of each change: here it is only read. */
export type AuditStore = {
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: AuditFilter): Promise<Page<AuditEvent>>
}
