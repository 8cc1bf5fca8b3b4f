import type { Columns, Statement } from '../../../shared/db/batch.ts'
import type { Database } from '../../../shared/db/database.ts'
import type { Scope } from '../../../shared/db/scope.ts'
import type { Code } from './code.ts'
import { abort, open, release, submit } from './server.ts'
import { SqlError, type State } from './state.ts'

const NONE: readonly Statement[] = []
const lastOf = (results: Columns[][]) => results.at(-1) as Columns[]
const allOf = (results: Columns[][]) => results

/** A Database over the simulated server, as one process has it: what shared/db/database.ts does, without sockets and time. */
export const simulatedDatabase = (code: Code, state: State, instance: string, reachable: () => boolean): Database => {
  const connect = () => {
    if (!reachable()) throw new SqlError('ECONNREFUSED')
    return open(state, instance)
  }
  /** On a connection of its own. One that was lost may be at work still. */
  const once = (statements: readonly Statement[]): Promise<Columns[][]> => {
    const session = connectOr(code.toRefusal)
    session.ends = true
    return submit(session, statements)
  }
  const connectOr = (refuse: Code['toRefusal']) => {
    try {
      return connect()
    } catch (error) {
      throw refuse(error as SqlError)
    }
  }
  const run = async <T>(
    scope: Scope,
    statements: readonly Statement[],
    retries: number,
    refuse: Code['toRefusal'],
    pick: (results: Columns[][]) => T,
  ): Promise<T> => {
    const { checks = [], after = NONE } = scope.around ?? {}
    const batch = [code.opening(scope, checks)].concat(statements, after)
    const first = 1
    for (let attempt = 0; ; attempt++) {
      try {
        const results = await (scope.unit ? scope.unit.run(batch) : once(batch))
        const end = first + statements.length
        scope.around?.learn(results.slice(end, end + after.length))
        return pick(results.slice(first, end))
      } catch (error) {
        if (error instanceof code.Refusal) throw error
        const lost = (error as SqlError).code === 'ECONNRESET'
        if (scope.unit || !lost || attempt >= retries) throw refuse(error as SqlError)
      }
    }
  }
  return {
    open: () => {},
    read: (scope, ...statements) => run(scope, statements, 1, code.toRefusal, lastOf),
    write: (scope, ...statements) => run(scope, statements, 0, code.toWriteRefusal, lastOf),
    writeAll: (scope, ...statements) => run(scope, statements, 0, code.toWriteRefusal, allOf),
    writeAt: () => Promise.reject(new Error('not simulated')),
    session: async work => {
      const session = connectOr(code.toRefusal)
      try {
        const run = async (statements: readonly Statement[]) => {
          if (session.phase !== 'idle') throw new SqlError('ECONNRESET')
          return submit(session, statements)
        }
        return await work(run, () => {}) // it keeps its connection to the end
      } finally {
        if (session.phase === 'idle') {
          if (session.began !== undefined) abort(state, session)
          release(state, session)
        }
      }
    },
    spare: () => true,
    ready: async () => reachable(),
    close: async () => {},
  }
}
