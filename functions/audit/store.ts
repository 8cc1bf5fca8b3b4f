import type { Scope } from '../../shared/db/scope.ts'
import type { Page, Slice } from '../../shared/record.ts'
import type { BlockHash, Head } from './heads.schema.ts'
import type { AuditEvent, AuditFilter, Broken } from './schema.ts'

/** The audit is written by Postgres itself, in the transaction of each change: here it is only read. */
export type AuditStore = {
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: AuditFilter): Promise<Page<AuditEvent>>
  /** NDJSON, oldest first, a page a piece: a slow reader holds no connection. */
  export(scope: Scope, filter: AuditFilter): AsyncIterable<string>
}

/** Where a check of blocks stands: the last block that was looked at, its hash (hexadecimal) and its last event; '' before the first. */
export type Place = { block: string; hash: string; event: string }

/** What a check of some blocks found; `unsealed` is known where it ends. */
export type Checked = {
  /** Where to go on, unless this was the last page, or something is broken. */
  next: Place | undefined
  broken: Broken | undefined
  sealed: number
  unsealed: number
}

/** The blocks that seal the audit. */
export type BlockStore = {
  /** Compares some blocks after a place with the events that they seal, and with each other. */
  check(scope: Scope, after: Place): Promise<Checked>
  /** Which of some blocks are not there, or have another hash: the first of them. */
  firstOther<B extends Pick<BlockHash, 'id' | 'hash'>>(
    scope: Scope,
    blocks: readonly B[],
  ): Promise<{ block: B; missing: boolean } | undefined>
}

/** What sealing does, across organizations. */
export type SealStore = {
  /** The greatest id up to which no transaction can write an event any more. Waits for those that are open; throws unavailable at 15 s. */
  settled(scope: Scope): Promise<string>
  /** Seals some of what is not sealed after an organization and up to an event; `reached` undefined: all of it. */
  seal(scope: Scope, beyond: string, upto: string): Promise<{ sealed: number; reached: string | undefined }>
  /** Some organizations with blocks that are not noted as kept outside, with the first of those; `except` are left out. */
  unanchored(scope: Scope, except: readonly string[]): Promise<{ organization_id: string; id: string }[]>
  /** A block's hash, if it is there, and what follows it (up to 1,000 blocks) as a head: both at one moment. */
  following(scope: Scope, organization: string, id: string): Promise<{ hash: string | undefined; head: Head | undefined }>
  /** Notes an organization's blocks as kept outside, up to one. */
  anchored(scope: Scope, organization: string, id: string): Promise<void>
}
