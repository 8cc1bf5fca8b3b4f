import type { Columns, Statement } from '../../../shared/db/batch.ts'
import { COUNTERS, ORGANIZATION, type Row, type Session, SqlError, type State, toJson } from './state.ts'

/** A statement that must wait for another session: it is begun again when one has ended. */
export const BLOCKED = Symbol('blocked')
type Outcome = readonly Columns[] | typeof BLOCKED
type Values = readonly (string | null)[]
type Execute = (state: State, session: Session, values: Values) => Outcome

/** What a session sees: its own rows over what is committed. */
const seen = (state: State, session: Session, id: string): Row | undefined => session.writes.get(id) ?? state.rows.get(id)

/** What a session has is never changed in place: most have nothing, and all of those the same. */
const put = (session: Session, id: string, row: Row): void => {
  session.writes = new Map(session.writes).set(id, row)
}
const effect = (session: Session, made: () => void): void => {
  session.effects = [...session.effects, made]
}

const keysOf = (state: State, session: Session): string[] => {
  const keys = [...state.rows.keys()]
  for (const id of session.writes.keys()) if (!state.rows.has(id)) keys.push(id)
  return keys.sort()
}

const acquire = (state: State, session: Session, mode: 'shared' | 'exclusive'): boolean => {
  for (const other of state.sessions)
    if (other !== session && (other.lock === 'exclusive' || (mode === 'exclusive' && other.lock === 'shared'))) return false
  if (session.lock !== 'exclusive') session.lock = mode
  return true
}

const lockRow = (state: State, session: Session, id: string): boolean => {
  for (const other of state.sessions) if (other !== session && other.locked.includes(id)) return false
  if (!session.locked.includes(id)) session.locked = [...session.locked, id]
  return true
}

const leaseFor = (stage: string) => (stage === 'complete' ? undefined : stage === 'rampdown' ? 'shared' : 'memory')
const entryOf = (id: string, row: Row): Columns => [ORGANIZATION, id, String(row.version), row.deleted ? 't' : 'f', toJson(id, row.value)]
const version = (state: State) => ++state.sequence

/** migration_enter of sql/007. */
const enter = (state: State, session: Session, [, , process, lease, valid]: Values): Outcome => {
  const { stage, leases, clock } = state
  const wanted = leaseFor(stage.name)
  const answer = (epoch: number, granted: boolean, since: number): Outcome => [
    [stage.name, String(epoch), String(clock + Number(valid) * 1000), null, granted ? 't' : 'f', String(since)],
  ]
  if (wanted === undefined) {
    if (!state.faults.has('complete entered without the lock') && !acquire(state, session, 'shared')) return BLOCKED
    return answer(stage.epoch, true, stage.epoch)
  }
  const mine = leases.get(process as string)
  const expires = clock + Number(lease) * 1000
  if (mine && mine.kind === wanted && mine.epoch === stage.epoch && mine.expires > clock) {
    if (state.sessions.some(other => other !== session && other.leaseTouched)) return BLOCKED
    mine.expires = expires
    return answer(stage.epoch, true, mine.since)
  }
  if (!acquire(state, session, 'exclusive')) return BLOCKED
  session.leaseTouched = true
  const gone = [...leases].filter(([name, one]) => name === process || one.expires <= clock).map(([name]) => name)
  const left = [...leases].filter(([name]) => !gone.includes(name)).map(([, one]) => one)
  const granted = state.faults.has('a second lease') || !left.some(one => one.kind === 'memory' || wanted === 'memory')
  effect(session, () => {
    for (const name of gone) leases.delete(name)
  })
  if (!granted) return answer(stage.epoch, false, stage.epoch)
  const raises = wanted === 'memory' && !state.faults.has('epoch not raised with the lease')
  const since = mine?.kind === 'memory' && mine.epoch === stage.epoch ? mine.since : stage.epoch
  const epoch = stage.epoch + (raises ? 1 : 0)
  effect(session, () => {
    stage.epoch = epoch
    leases.set(process as string, { kind: wanted, epoch, since, expires })
    if (wanted === 'memory') state.watch.taken(process as string, stage.name)
  })
  return answer(epoch, true, since)
}

const hold = (state: State, session: Session, expected: string): Outcome => {
  if (!acquire(state, session, 'exclusive')) return BLOCKED
  if (state.stage.epoch !== Number(expected)) throw new SqlError('AH410')
  return []
}

const raise = (state: State, session: Session, [, process, expected]: Values): Outcome => {
  if (hold(state, session, expected as string) === BLOCKED) return BLOCKED
  const lease = state.leases.get(process as string)
  if (lease?.kind !== 'memory' || lease.epoch !== Number(expected)) throw new SqlError('AH410')
  session.leaseTouched = true
  effect(session, () => {
    state.stage.epoch++
    lease.epoch++
  })
  return [[String(Number(expected) + 1)]]
}

/** migration_steps of sql/010: by its holder or not, and what it asks for. */
const steps: Record<string, { byHolder: boolean; asks?: 'clean pass' | 'wait' }> = {
  'off dualwrite': { byHolder: true },
  'dualwrite off': { byHolder: true },
  'dualwrite shadow': { byHolder: true },
  'shadow dualwrite': { byHolder: true },
  'shadow live': { byHolder: true, asks: 'clean pass' },
  'live shadow': { byHolder: true },
  'live rampdown': { byHolder: true, asks: 'clean pass' },
  'rampdown live': { byHolder: false, asks: 'wait' },
  'rampdown complete': { byHolder: false },
  'complete rampdown': { byHolder: false },
}

/** migration_change of sql/040, without its event. */
const change = (state: State, session: Session, [, process, expected, target, wait]: Values): Outcome => {
  if (hold(state, session, expected as string) === BLOCKED) return BLOCKED
  const { stage, clock, faults } = state
  const step = faults.has('any step') ? { byHolder: false } : steps[`${stage.name} ${target}`]
  if (!step) throw new SqlError('AH411')
  const held = state.leases.get(process as string)
  if (step.byHolder && (held?.kind !== 'memory' || held.epoch !== Number(expected))) throw new SqlError('AH410')
  const asks = faults.has('no wait') ? undefined : step.asks
  if (asks === 'clean pass' && (stage.cleanPass === undefined || stage.cleanPass < stage.stageEpoch)) throw new SqlError('AH419')
  if (asks === 'wait') {
    const over = stage.changedAt + Number(wait) * 1000
    const open = state.sessions.some(other => other !== session && other.began !== undefined && other.began < over)
    if (clock < over || open) throw new SqlError('AH419', 'AH419', '1')
  }
  session.leaseTouched = true
  effect(session, () => {
    const from = stage.name
    stage.name = target as string
    stage.epoch++
    stage.stageEpoch = stage.epoch
    stage.changedAt = clock
    stage.cleanPass = undefined
    const lease = state.leases.get(process as string)
    if (target === 'rampdown' || target === 'complete') state.leases.delete(process as string)
    else if (lease) lease.epoch = stage.epoch
    state.watch.changed(from, stage.name)
  })
  return []
}

/** Every statement begins by its key: `write` draws the version once the key is locked. */
const write = (state: State, session: Session, id: string, make: (row: Row | undefined) => Omit<Row, 'version'> | undefined): Outcome => {
  if (state.faults.has('version before the lock')) session.drawn ??= version(state)
  if (!lockRow(state, session, id)) return BLOCKED
  const made = make(seen(state, session, id))
  if (!made) return []
  const row = { ...made, version: session.drawn ?? version(state) }
  session.drawn = undefined
  put(session, id, row)
  return [[id, String(row.version), toJson(id, row.value)]]
}

const increment = (state: State, session: Session, id: string, by: string): Outcome =>
  write(state, session, id, row => ({ value: String(Number(row?.value ?? 0) + Number(by)), deleted: false, by: 'client' }))

const alive = (row: Row | undefined): Row | undefined => (row && !row.deleted ? row : undefined)

const enterScope: Execute = (state, _, [, , , until]) => {
  if (until !== null && state.clock >= Number(until) && !state.faults.has('no valid_until')) throw new SqlError('AH410')
  return []
}

const statements: Record<string, Execute> = {
  enter_jobs: () => [],
  enter_scope: enterScope,
  'enter_scope, hold_epoch': (state, session, values) => {
    enterScope(state, session, values)
    if (!acquire(state, session, 'shared')) return BLOCKED
    if (state.stage.epoch !== Number(values.at(-1)) && !state.faults.has('a stale epoch')) throw new SqlError('AH410')
    return []
  },
  'migration.enter': enter,
  'migration.release': (state, session, [, process]) => {
    effect(session, () => void state.leases.delete(process as string))
    return []
  },
  'migration.report': () => [],
  'migration.raise': raise,
  'migration.hold': (state, session, values) =>
    session.statements.at(-1)?.name === 'migration.mark' && state.faults.has('a mark without the lock')
      ? []
      : hold(state, session, values[1] as string),
  'migration.raise_version': (state, _, [beyond]) => {
    if (!state.faults.has('sequence not raised')) state.sequence = Math.max(state.sequence, Number(beyond))
    return []
  },
  'migration.change': change,
  'migration.restore.toy.0': (state, session, [given]) => {
    const entries = JSON.parse(given as string) as { id: string; value: string; deleted: boolean }[]
    if (!entries.every(({ id }) => lockRow(state, session, id))) return BLOCKED
    for (const { id, value, deleted } of entries) put(session, id, { version: version(state), value, deleted, by: 'restore' })
    return []
  },
  'migration.mark': state => [[String(version(state))]],
  'migration.entry.toy': (state, session, [, id]) => {
    const row = seen(state, session, id as string)
    return row ? [entryOf(id as string, row)] : []
  },
  'migration.entries_by.toy': (state, session, [, ids]) =>
    (JSON.parse(ids as string) as string[]).flatMap(id => {
      const row = seen(state, session, id)
      return row ? [entryOf(id, row)] : []
    }),
  'migration.answered': (state, _, [, id]) => (state.answers.has(id as string) ? [[id as string]] : []),
  'migration.entries.toy': (state, session, [, after, beyond]) =>
    keysOf(state, session)
      .filter(id => id > (after as string) && (seen(state, session, id) as Row).version > Number(beyond))
      .slice(0, 2)
      .map(id => entryOf(id, seen(state, session, id) as Row)),
  'migration.versions.toy': (state, session, [, after]) =>
    keysOf(state, session)
      .filter(id => id > (after as string))
      .slice(0, 2)
      .map(id => entryOf(id, seen(state, session, id) as Row).slice(0, 3)),
  'migration.begin_run': (state, session, [id, , epoch]) => {
    effect(session, () => {
      state.runs.set(id as string, Number(epoch))
      state.stage.cleanPass = undefined
    })
    return []
  },
  'migration.finish_run': (state, session, [id, , , repaired]) => {
    effect(session, () => {
      if (Number(repaired) > 0) state.stage.cleanPass = undefined
      else if ((state.runs.get(id as string) ?? 0) >= state.stage.stageEpoch) state.stage.cleanPass = state.stage.epoch
    })
    return []
  },
  'toy.get': (state, session, [id]) => {
    const row = seen(state, session, id as string)
    return row ? [[id as string, String(row.version), toJson(id as string, row.value), row.deleted ? 't' : 'f']] : []
  },
  'toy.list': (state, session) =>
    keysOf(state, session).map(id => {
      const row = seen(state, session, id) as Row
      return [id, String(row.version), toJson(id, row.value), row.deleted ? 't' : 'f']
    }),
  'toy.look': () => [],
  'toy.put': (state, session, [id, value, ifMatch]) => {
    const row = alive(seen(state, session, id as string))
    if (row && ifMatch !== undefined && ifMatch !== null && String(row.version) !== ifMatch)
      return [[id as string, String(row.version), null]]
    return write(state, session, id as string, () => ({ value: value as string, deleted: false, by: 'client' }))
  },
  'toy.remove': (state, session, [id]) => {
    if (!alive(seen(state, session, id as string))) return []
    if (state.faults.has('a hard delete')) effect(session, () => void state.rows.delete(id as string))
    return write(state, session, id as string, row => alive(row) && { value: (row as Row).value, deleted: true, by: 'client' })
  },
  'toy.increment': (state, session, [id, by]) => increment(state, session, id as string, by as string),
  'toy.increment_all': (state, session, [by, among]) => {
    const ids = typeof among === 'string' ? (JSON.parse(among) as string[]) : COUNTERS
    if (!ids.every(id => lockRow(state, session, id))) return BLOCKED
    return ids.flatMap(id => increment(state, session, id, by as string) as readonly Columns[])
  },
  'toy.import': (state, session, [id, value]) => {
    if (!acquire(state, session, 'shared')) return BLOCKED
    if (!['off', 'rampdown', 'complete'].includes(state.stage.name)) throw new SqlError('AH419')
    const overwrites = state.faults.has('an import that overwrites')
    return write(state, session, id as string, row =>
      row === undefined || overwrites ? { value: value as string, deleted: false, by: 'import' } : undefined,
    )
  },
  idempotency_claim: (state, session, [, id, hash]) => {
    if (state.sessions.some(other => other !== session && other.claims.includes(id as string))) throw new SqlError('AH409')
    session.claims = [...session.claims, id as string]
    const kept = state.answers.get(id as string)
    if (kept) throw new SqlError(kept.hash === String(hash) ? 'AH208' : 'AH422')
    return []
  },
  idempotency_keep: (state, session, [, id, hash, status, headers, body]) => {
    effect(
      session,
      () => void state.answers.set(id as string, { hash: String(hash), answer: [String(status), headers as string, body as string] }),
    )
    return []
  },
  idempotency_kept: (state, _, [, id]) => [state.answers.get(id as string)?.answer as Columns],
}

/** The same, which answers after its own columns the entry that it leaves behind. */
const telling =
  (work: Execute): Execute =>
  (state, session, values) => {
    const rows = work(state, session, values)
    const id = values[0] as string
    return rows === BLOCKED || !rows[0]?.[2] ? rows : [[...rows[0], ...entryOf(id, seen(state, session, id) as Row).slice(3)]]
  }
for (const name of ['toy.put', 'toy.remove', 'toy.increment']) statements[`${name}, entry`] = telling(statements[name] as Execute)

export const execute = (state: State, session: Session, { name, values }: Statement): Outcome => {
  const statement = statements[name]
  if (!statement) throw new Error(`the simulated server does not know '${name}'`)
  return statement(state, session, values as unknown as Values)
}
