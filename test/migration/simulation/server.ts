import type { Columns, Statement } from '../../../shared/db/batch.ts'
import { makeSession, NO_EFFECTS, NONE, NOTHING, type Session, SqlError, type State } from './state.ts'
import { BLOCKED, execute } from './statements.ts'

/** Sends a batch: the server works on it when the scheduler says so. */
export const submit = (session: Session, statements: readonly Statement[]): Promise<Columns[][]> =>
  new Promise((resolve, reject) => {
    if (session.phase === 'closed') return reject(new SqlError('ECONNRESET'))
    Object.assign(session, { statements, at: 0, results: [], phase: 'run', error: undefined, blockedAt: -1, client: { resolve, reject } })
  })

export const open = (state: State, instance: string): Session => {
  const session = makeSession(instance)
  state.sessions.push(session)
  return session
}

/** Whether the server could go on with a session now, as far as is known. */
export const runnable = (state: State, session: Session): boolean =>
  session.phase === 'commit' || (session.phase === 'run' && session.blockedAt < state.progress)

const unlock = (state: State, session: Session): void => {
  session.lock = 'none'
  session.explicit = false
  session.failed = false
  session.leaseTouched = false
  session.began = undefined
  session.drawn = undefined
  session.writes = NOTHING
  session.saved = NOTHING
  session.locked = NONE
  session.claims = NONE
  session.effects = NO_EFFECTS
  state.progress++
}

export const abort = unlock

/** What was written becomes what is committed: rows first, then stage, leases and the like. */
const commit = (state: State, session: Session): void => {
  for (const [id, row] of session.writes) {
    const before = state.rows.get(id)
    state.rows.set(id, row)
    state.watch.committed(id, row, before)
  }
  for (const effect of session.effects) effect()
  unlock(state, session)
}

const close = (state: State, session: Session): void => {
  if (session.began !== undefined) abort(state, session)
  session.phase = 'closed'
  state.sessions.splice(state.sessions.indexOf(session), 1)
}

const answer = (state: State, session: Session): void => {
  session.phase = 'answer'
  session.idleSince = state.clock
  if (!session.client) close(state, session) // nobody listens any more: what is open is undone
}

const fail = (state: State, session: Session, error: SqlError): void => {
  session.error = error
  if (session.explicit) session.failed = true
  else abort(state, session)
  answer(state, session)
}

/** One event at the server: a batch goes on to its commit, to a lock, or to its end; or it commits. */
export const advance = (state: State, session: Session, pauses: () => boolean): void => {
  if (session.phase === 'commit') {
    commit(state, session)
    session.phase = 'run'
    session.results.push([])
    session.at++
  }
  session.began ??= state.clock
  try {
    while (session.at < session.statements.length) {
      const statement = session.statements[session.at] as Statement
      const { text } = statement
      if (text === 'begin') session.explicit = true
      else if (text === 'commit') {
        if (session.failed) throw new Error('a failed transaction is committed')
        session.phase = 'commit'
        return
      } else if (text === 'rollback') abort(state, session)
      else if (text === 'savepoint effect') session.saved = session.writes
      else if (text === 'rollback to savepoint effect') {
        session.writes = session.saved
        session.failed = false
      } else if (session.failed) throw new SqlError('25P02')
      else {
        if (session.at > 1 && pauses()) return
        const rows = execute(state, session, statement)
        if (rows === BLOCKED) {
          session.blockedAt = state.progress
          return
        }
        session.results.push([...rows])
        session.at++
        continue
      }
      session.results.push([])
      session.at++
    }
    if (!session.explicit) {
      if (session.writes.size > 0 || session.effects.length > 0) {
        session.phase = 'commit'
        return
      }
      unlock(state, session)
    }
    answer(state, session)
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    fail(state, session, error)
  }
}

/** The answer reaches its client. */
export const deliver = (state: State, session: Session): void => {
  const { client, error, results } = session
  session.client = undefined
  session.phase = 'idle'
  if (session.ends) close(state, session)
  if (error) client?.reject(error)
  else client?.resolve(results)
}

/** The server ends what a session is at, and says so (a statement time-out). */
export const cancel = (state: State, session: Session): void => fail(state, session, new SqlError('57014'))

/** The connection breaks. What the server has of the batch may go on to its end without it. */
export const cut = (state: State, session: Session, goesOn: boolean): void => {
  const { client } = session
  session.client = undefined
  if (!goesOn || session.phase === 'answer' || session.phase === 'idle') close(state, session)
  client?.reject(new SqlError('ECONNRESET'))
}

/** The client gives a connection back, with nothing open on it. */
export const release = close
