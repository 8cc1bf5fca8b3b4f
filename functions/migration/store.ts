import type { Collection } from '../../shared/db/legacy.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Chunks } from '../../shared/lines.ts'
import type { Compared, Imported } from './schema.ts'

/** A dictionary on its way in, as NDJSON. It was one JSON object (`whole`): then broken JSON refuses the rest. */
export type Upload = { lines: Chunks; whole: boolean }

/** `none` is the organization of entries that name none; `only` narrows to one organization. */
export type Bounds = { none?: string | undefined; only?: string | undefined }

/** A comparison in parts: its id, and whether this is the last. */
export type Part = { run: string; last: boolean }

/** Old dictionaries against our tables, across organizations. All throw invalid_request that names `organization` where it is needed. */
export type DictionaryStore = {
  /**
   * Throws conflict in a stage whose memory an import would go behind, and for an organization that is removed. What was imported
   * before an error stays.
   */
  import(scope: Scope, collection: Collection, upload: Upload, bounds: Bounds): Promise<Imported>
  /** Of a key that an upload repeats the last line counts; from another part of a comparison it is another entry. */
  compare(scope: Scope, collection: Collection, upload: Upload, bounds: Bounds, part: Part | undefined): Promise<Compared>
  /** The text of the whole dictionary, piece by piece, of one moment. Throws conflict, before the first, when two organizations share a key. */
  export(scope: Scope, collection: Collection, bounds: Bounds): AsyncIterable<string>
}

/** What an import has done before its first entry. */
export const nothingImported = (): Imported => ({
  read: 0,
  inserted: 0,
  unchanged: 0,
  updated: 0,
  quarantined: [],
  conflicts: [],
  counts: { quarantined: 0, conflicts: 0 },
})
