import type { Scope } from '../../shared/db/scope.ts'

/** What of a database can be compared with another time of it, across organizations. */
export type CensusStore = {
  /** Every organization that there is, or that events were sealed of. */
  organizations(scope: Scope): Promise<string[]>
  /** Rows of each table, at one moment. */
  counts(scope: Scope): Promise<Record<string, number>>
  /** When the newest event of the audit was written, ISO 8601. */
  lastChange(scope: Scope): Promise<string | undefined>
  /** Draws versions and lets them fall, so that none of the next `count` is given to a row. */
  skipVersions(scope: Scope, count: number): Promise<void>
}
