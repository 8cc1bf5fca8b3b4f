import type { Columns, Statement } from '../../../shared/db/batch.ts'

/** What Postgres has committed, and the sessions that work on it. Its clock is the simulation's, in milliseconds. */
export type State = {
  clock: number
  rows: Map<string, Row>
  sequence: number
  stage: { name: string; epoch: number; stageEpoch: number; changedAt: number; cleanPass: number | undefined }
  leases: Map<string, { kind: 'memory' | 'shared'; epoch: number; since: number; expires: number }>
  runs: Map<string, number>
  answers: Map<string, { hash: string; answer: Columns }>
  sessions: Session[]
  /** Rises whenever a lock may have become free. */
  progress: number
  /** What is deliberately wrong with this Postgres (a mutant), if anything. */
  faults: ReadonlySet<string>
  watch: Watch
}

export type Row = { version: number; value: string; deleted: boolean; by: 'client' | 'import' | 'restore' }

/** Whoever keeps the books hears of each commit, in order. */
export type Watch = {
  committed(key: string, row: Row, before: Row | undefined): void
  taken(instance: string, stage: string): void
  changed(from: string, to: string): void
}

/** One connection: at most one batch at a time, and a transaction that may stay open between two. */
export type Session = {
  instance: string
  statements: readonly Statement[]
  at: number
  results: Columns[][]
  phase: 'run' | 'commit' | 'answer' | 'idle' | 'closed'
  /** It is closed with the answer to its batch. */
  ends: boolean
  explicit: boolean
  failed: boolean
  error: SqlError | undefined
  began: number | undefined
  lock: 'none' | 'shared' | 'exclusive'
  writes: ReadonlyMap<string, Row>
  saved: ReadonlyMap<string, Row>
  locked: readonly string[]
  claims: readonly string[]
  /** What a commit makes true beside the rows. */
  effects: readonly (() => void)[]
  leaseTouched: boolean
  /** Where the batch was blocked: it is not tried again before something else ends. */
  blockedAt: number
  /** A version that was drawn too early (a mutant). */
  drawn: number | undefined
  idleSince: number
  /** Until when the network keeps what is sent. */
  heldUntil: number
  client: Client | undefined
}

export type Client = { resolve(results: Columns[][]): void; reject(error: Error): void }

/** An error as Postgres (or the socket) raises it. */
export class SqlError extends Error {
  readonly code: string
  constructor(code: string, message = code, hint?: string) {
    super(message)
    this.code = code
    if (hint !== undefined) Object.assign(this, { hint })
  }
}

export const makeState = (faults: ReadonlySet<string>, watch: Watch): State => ({
  clock: 1000,
  rows: new Map(),
  sequence: 0,
  stage: { name: 'off', epoch: 1, stageEpoch: 1, changedAt: 0, cleanPass: undefined },
  leases: new Map(),
  runs: new Map(),
  answers: new Map(),
  sessions: [],
  progress: 0,
  faults,
  watch,
})

export const NOTHING: ReadonlyMap<string, Row> = new Map()
export const NONE: readonly string[] = []
export const NO_EFFECTS: readonly (() => void)[] = []

export const makeSession = (instance: string): Session => ({
  instance,
  statements: [],
  at: 0,
  results: [],
  phase: 'idle',
  ends: false,
  explicit: false,
  failed: false,
  error: undefined,
  began: undefined,
  lock: 'none',
  writes: NOTHING,
  saved: NOTHING,
  locked: NONE,
  claims: NONE,
  effects: NO_EFFECTS,
  leaseTouched: false,
  blockedAt: -1,
  drawn: undefined,
  idleSince: 0,
  heldUntil: 0,
  client: undefined,
})

export const ORGANIZATION = 'o'
export const toJson = (id: string, value: string): string => `{"id":"${id}","organization_id":"${ORGANIZATION}","value":"${value}"}`
export const COUNTERS: readonly string[] = ['n', 'nn']
export const isCounter = (id: string): boolean => id.startsWith('n')
