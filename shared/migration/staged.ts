import type { Revocations } from '../cache/revocations.ts'
import type { Database } from '../db/database.ts'
import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Replica } from '../memory.ts'
import type { Log } from '../observe/log.ts'
import { orElse, whileComplete } from './complete.ts'
import { makeKeeper } from './keeper.ts'
import { type Measure, makeMeasure } from './measure.ts'
import { makeMirror } from './mirror.ts'
import { type Keeper, type Methods, PASSED_MS, type StageDb, type Watch } from './ports.ts'
import { postgresProbe, postgresReport, postgresRuns, postgresStages, type ReplicaSql, type StageSettings } from './postgres.ts'
import { holdsMemory, type StageRow } from './stage.ts'
import { tellingEntries } from './told.ts'
import { makeVerify, type Verify } from './verify.ts'

/** What a domain says of a collection that once was a dictionary: its store twice, and how rows are exchanged. */
export type Collection<S> = {
  name: string
  memory: S
  replica: Replica
  postgres: (db: Database) => S
  sql: ReplicaSql
  methods: Methods<S>
  /** Whether memory may answer reads in `live` while Postgres fails: false for money. */
  fallback: boolean
}

/** A collection at whatever stage it is. */
export type Staged<S> = {
  name: string
  /** The store of the moment: in `complete` the Postgres store itself, else the mirror. */
  readonly store: S
  keeper: Keeper
  stages: StageDb
  measure: Measure
  verify: Verify
  /** Gives this process's lease back. */
  release(): Promise<void>
}

/** Clocks, in milliseconds, and what is done by them. */
export type Time = {
  /** Only goes forward; it may stand still while the machine sleeps. */
  now: () => number
  /** The time of day: it may be set. */
  wall: () => number
  sleep: (milliseconds: number) => Promise<void>
  /** Does `work` again and again, without keeping the process alive for it, until what it returns is called. */
  every: (milliseconds: number, work: () => void) => () => void
}

const time: Time = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  every: (milliseconds, work) => {
    const timer = setInterval(work, milliseconds).unref()
    return () => clearInterval(timer)
  },
}

/** What was asked for is relied on no longer than either clock allows. */
const watchBy =
  ({ now, wall }: Pick<Time, 'now' | 'wall'>): Watch =>
  () => {
    const start = [now(), wall()] as const
    return () => Math.max(now() - start[0], wall() - start[1])
  }

/** Safely before a lease or the stage's validity ends by Postgres's clock, this process stops to rely on it. */
const RELY_SHARE = 0.8
const PATIENCE_MS = 2000
/** How often, while a lease is relied on, its end is looked for. */
const BEATS = 8
const PASSED_MOST = 10_000

export const makeStaged = <S extends object>(
  db: Database,
  log: Log,
  settings: Omit<StageSettings, 'collection'> & Pick<Revocations, 'mayHaveEnded'>,
  collection: Collection<S>,
  { now, wall, sleep, every }: Time = time,
): Staged<S> => {
  const { name, replica, sql, methods, fallback } = collection
  const stages = postgresStages(db, sql, { ...settings, collection: name })
  const watch = watchBy({ now, wall })
  const rely = Math.min(settings.leaseSeconds, settings.validSeconds) * 1000 * RELY_SHARE
  const failed = (doing: string) => (error: unknown) => log('warning', doing, { collection: name, error })
  const keeper: Keeper = makeKeeper({
    db: stages,
    replica,
    rely,
    watch,
    patience: PATIENCE_MS,
    sleep,
    wished: row => {
      takeUp(row)
      if (holdsMemory(row.stage)) report(measure.read()).catch(failed('what the mirror measured was not written down'))
    },
  })
  /** What was asked of a process that does not hold the memory. */
  const takeUp = ({ wish, verify: wanted, epoch }: StageRow): void => {
    if (wish !== undefined) keeper.change(wish, epoch).catch(failed(`the step to ${wish} that was wished for was not taken`))
    if (wanted) verify().catch(failed('the comparison that was wished for was not made'))
  }
  /** An idle process keeps its lease and hears of wishes too. */
  const stop = every(rely / BEATS, () => {
    if (keeper.stage() !== undefined && keeper.stage() !== 'complete') keeper.enter().catch(failed('the lease was not renewed'))
  })
  const report = postgresReport(db, { ...settings, collection: name })
  const measure = makeMeasure(now, what => log('warning', what, { collection: name }), keeper.stage) // an alert counts these lines
  const { noting, passed } = remember(db, watch, settings.mayHaveEnded)
  const mirror = makeMirror<S>({
    keeper,
    replica,
    methods,
    fallback,
    measure,
    patience: PATIENCE_MS,
    sleep,
    passed,
    memory: collection.memory,
    postgres: collection.postgres(tellingEntries(noting)),
    probe: postgresProbe(sql, name),
    check: async scope => void (await noting.read(scope)),
  })
  const direct = orElse(collection.postgres(whileComplete(db, keeper)), mirror)
  const verify = makeVerify({ runs: postgresRuns(db, name), keeper, stages, replica, sleep })
  return {
    name,
    keeper,
    stages,
    measure,
    verify,
    release: async () => {
      stop()
      if (keeper.stage() !== undefined && keeper.stage() !== 'complete')
        await keeper.release().catch(failed('the lease was not given back'))
    },
    get store() {
      return keeper.stage() === 'complete' ? direct : mirror
    },
  }
}

/** Notes which credentials Postgres let through within the last minute: a fallback has nothing else to go by. */
const remember = (
  db: Database,
  watch: Watch,
  mayHaveEnded: Revocations['mayHaveEnded'],
): { noting: Database; passed: (scope: Scope) => Promise<boolean> } => {
  const known = new Map<string, () => number>()
  const keyOf = ({ caller }: Scope) => (caller.kind === 'token' ? `${caller.role} ${caller.hash.toString('latin1')}` : undefined)
  const note = async <T>(scope: Scope, answer: Promise<T>): Promise<T> => {
    const key = keyOf(scope)
    const since = watch()
    try {
      const result = await answer
      if (key !== undefined) {
        if (known.size >= PASSED_MOST) known.clear()
        known.set(key, since)
      }
      return result
    } catch (error) {
      if (key !== undefined && error instanceof Refusal && (error.code === 'unauthenticated' || error.code === 'forbidden'))
        known.delete(key)
      throw error
    }
  }
  return {
    passed: async scope => {
      if (scope.caller.kind !== 'token') return true
      const since = known.get(keyOf(scope) as string)
      return since !== undefined && !(await mayHaveEnded(scope.organization_id)) && since() < PASSED_MS
    },
    noting: {
      ...db,
      read: (scope, ...statements) => note(scope, db.read(scope, ...statements)),
      write: (scope, ...statements) => note(scope, db.write(scope, ...statements)),
      writeAll: (scope, ...statements) => note(scope, db.writeAll(scope, ...statements)),
      writeAt: (isolation, scope, ...statements) => note(scope, db.writeAt(isolation, scope, ...statements)),
    },
  }
}
