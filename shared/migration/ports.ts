import type { Around, Scope } from '../db/scope.ts'
import type { Draft } from '../draft.ts'
import type { Replica } from '../memory.ts'
import type { Measure } from './measure.ts'
import type { Entry, Stage, StageRow, Stamp } from './stage.ts'

/** What Postgres does for a keeper, each one transaction. A lost answer is OutcomeUnknown, a stale epoch EpochMoved. */
export type StageDb = {
  /**
   * Tells the stage and, where it asks for one, renews or takes this instance's lease, unless others hold what stands against it
   * (`granted`). `since` is the epoch in which this instance took the lease: from then on nobody else can have written.
   */
  enter(): Promise<{ row: StageRow; granted: boolean; since: string }>
  release(): Promise<void>
  /** Raises the epoch; waits for the writes of the old one to end. Only for the holder. */
  raise(epoch: string): Promise<string>
  /** Takes a step. `dirty` entries are written as `copy` does. Refuses (conflict) what is not legal or not proved. */
  change(epoch: string, to: Stage, dirty: Entry[], newest: bigint): Promise<void>
  /** Writes entries over whatever is there, with new versions larger than `newest`. Only for the holder. */
  copy(epoch: string, dirty: Entry[], newest: bigint): Promise<void>
  /** A version: what is committed by now has a smaller one, what is not a larger. Waits for imports under way. Only for the holder. */
  mark(epoch: string): Promise<string>
  entry(organization: string, id: string): Promise<Entry | undefined>
  /** Whether the answer of a request with an Idempotency-Key has been committed. */
  answered(organization: string, unit: string): Promise<boolean>
  /** All entries, or those of a larger version than `beyond`, in pages. */
  entries(beyond?: string): AsyncIterable<Entry[]>
  /** At which version each entry is, in pages. */
  versions(): AsyncIterable<Stamp[]>
  /** Some entries of an organization, as far as they are there. */
  those(organization: string, ids: readonly string[]): Promise<Entry[]>
}

/** Starts to measure: what it returns tells the milliseconds since. */
export type Watch = () => () => number

export type KeeperOptions = {
  db: StageDb
  replica: Replica
  /** Milliseconds for which an answer of `enter` is relied on: less than the lease's and the cache's length by a safe margin. */
  rely: number
  watch: Watch
  /** How long a caller waits for a pause or a settlement before 503, in milliseconds. */
  patience: number
  sleep: (milliseconds: number) => Promise<void>
  /** Called with what Postgres told, where an operator may have asked elsewhere for what only this process can do. */
  wished: (row: StageRow) => void
}

/** What one operation rests on. It is good while it is the keeper's own and its age (milliseconds) not too great. */
export type View = { readonly row: StageRow; readonly age: () => number }

/** Knows where a collection stands, holds this process's lease on it, and sees that its memory is true while it is served. */
export type Keeper = {
  /** The present view, asked for anew where needed. 503 while it cannot be had: another holder, a fill, Postgres away. */
  enter(): Promise<View>
  /** The stage as far as it is known here. */
  stage(): Stage | undefined
  /** Whether a view is still the present one. */
  holds(view: View): boolean
  /** The same, and memory may answer under it: no step is on its way that lets others write. */
  owns(view: View): boolean
  /** Whether a step is on its way, of which this process may not have heard yet that it was made. */
  changing(): boolean
  /** Forgets the view: Postgres said that it moved. */
  moved(view: View): void
  /** Begins a write of some keys: waits for a pause to end (then 503). What it returns ends the write. */
  write(organization: string, ids: readonly string[]): Promise<() => void>
  /** Whether a write of this key (of any key) has begun and not ended. */
  writing(organization: string, id: string | undefined): boolean
  /** The outcome of a write of this key is unknown: it is not served until it is settled. */
  doubt(organization: string, id: string, drafted?: Drafted): void
  /** Whether that is so of one key, or of any. */
  doubted(key?: { organization: string; id: string }): boolean
  /** Settles what is in doubt of one key, or of the whole collection. 503 when that cannot be done now. */
  settle(key?: { organization: string; id: string }): Promise<void>
  change(to: Stage, expectedEpoch: string): Promise<StageRow>
  release(): Promise<void>
}

/** What memory alone is to have, in off, once the transaction of a request with an Idempotency-Key (`unit`) is committed. */
export type Drafted = { unit: string; draft: Draft }

/**
 * A store's own word on each of its methods: what it does, and the key (or the keys) that it does it to: none for a list, and
 * undefined where a write does not name them, which is refused while there is a memory that has to be told of it.
 */
export type Methods<S> = { readonly [M in keyof S]: { readonly kind: 'read' | 'write'; readonly key?: KeyOf } }
export type KeyOf = (...args: never[]) => string | readonly string[] | undefined

/** One call of a store's method: its name, and the keys that it is about (none for a list), if they are `named`. */
export type Call = { name: string; scope: Scope; args: unknown[]; keys: readonly string[]; named: boolean }

/** What a call came to; undefined when it must be tried again. */
export type Answer = { result: unknown } | undefined

/** How long what Postgres let through is trusted while it cannot be asked. */
export const PASSED_MS = 60_000

/** What a write or a read brings along in its own transaction: the check of its epoch before it, its entries as they stand after it. */
export type Probe = Around & { entries(): readonly Entry[] }

export type MirrorOptions<S> = {
  keeper: Keeper
  memory: S
  replica: Replica
  postgres: S
  methods: Methods<S>
  /** A probe for some keys (or none): `epoch` is checked and held when it is given. */
  probe(epoch: string | undefined, organization: string, keys: readonly string[]): Probe
  /** Authenticates the scope, where nothing else asks Postgres. */
  check(scope: Scope): Promise<void>
  /** Whether this scope passed within PASSED_MS, and is not known to have ended since: what a fallback rests on while Postgres cannot be asked. */
  passed(scope: Scope): Promise<boolean>
  /** Whether memory may answer reads in `live` while Postgres fails. Never for money. */
  fallback: boolean
  measure: Measure
  /** As the keeper's. */
  patience: number
  sleep(milliseconds: number): Promise<void>
}
