import type { Scope } from '../../shared/db/scope.ts'
import type { Embedded } from '../../shared/embeddings/items.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Entry, EntryFilter, EntryPatch } from './entries.schema.ts'

/** What is undefined stays. */
export type EntryChange = Omit<EntryPatch, 'embedding'>

/** A new entry. Times are ISO 8601. */
export type NewEntry = {
  id: string
  agent_id: string | null
  title: string
  content: string
  tags: string[]
  language: string | null
  at: string
}

/**
 * Entries of knowledge, which are written with the vectors of their texts (title, content and tags, a line each). Throws
 * version_mismatch when `ifMatch` is not the record's version, and in Postgres invalid_request for an agent that is not there.
 */
export type EntryStore = {
  get(scope: Scope, id: string): Promise<Row<Entry> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: EntryFilter): Promise<Page<Entry>>
  /** Undefined when the id is taken. */
  create(scope: Scope, entry: NewEntry, embedded: Embedded): Promise<Row<Entry> | undefined>
  /** Vectors of a text that is no more the entry's go with it. */
  update(
    scope: Scope,
    id: string,
    patch: EntryChange,
    embedded: Embedded,
    at: string,
    ifMatch: string | undefined,
  ): Promise<Row<Entry> | undefined>
  /** The tombstone of what was removed; its vectors are gone. */
  remove(scope: Scope, id: string, at: string, ifMatch: string | undefined): Promise<Row<Entry> | undefined>
}

const itself = (id: string): string => id

export const entryMethods: Methods<EntryStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  create: { kind: 'write', key: (entry: NewEntry) => entry.id },
  update: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
}
