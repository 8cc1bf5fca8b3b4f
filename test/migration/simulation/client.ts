import type { Columns, Statement } from '../../../shared/db/batch.ts'
import type { Database } from '../../../shared/db/database.ts'
import type { Scope } from '../../../shared/db/scope.ts'
import type { Code } from './code.ts'
import { abort, open, release, submit } from './server.ts'
import { SqlError, type State } from './state.ts'

/** A Database over the simulated server, as one process has it: what shared/db/database.ts does, without sockets and time. */
export const simulatedDatabase = (code: Code, state: State, instance: string, reachable: () => boolean): Database => {
  const connect = () => {
    if (!reachable()) throw new SqlError('ECONNREFUSED')
    return open(state, instance)
  }
  const once = async (statements: readonly Statement[]): Promise<Columns[][]> => {
    const session = connectOr(code.toRefusal)
    try {
      return await submit(session, statements)
    } finally {
      if (session.phase === 'idle') release(state, session) // a connection that was lost may be at work still
    }
  }
  const connectOr = (refuse: Code['toRefusal']) => {
    try {
      return connect()
    } catch (error) {
      throw refuse(error as SqlError)
    }
  }
  const run = async (scope: Scope, statements: readonly Statement[], retries: number, refuse: Code['toRefusal']): Promise<Columns[][]> => {
    const { before = [], after = [] } = scope.around ?? {}
    const batch = [code.opening(scope), ...before, ...statements, ...after]
    const first = 1 + before.length
    for (let attempt = 0; ; attempt++) {
      try {
        const results = await (scope.unit ? scope.unit.run(batch) : once(batch))
        const end = first + statements.length
        scope.around?.learn(results.slice(end, end + after.length))
        return results.slice(first, end)
      } catch (error) {
        if (error instanceof code.Refusal) throw error
        const lost = (error as SqlError).code === 'ECONNRESET'
        if (scope.unit || !lost || attempt >= retries) throw refuse(error as SqlError)
      }
    }
  }
  const lastOf = (results: Columns[][]) => results.at(-1) as Columns[]
  return {
    read: async (scope, ...statements) => lastOf(await run(scope, statements, 1, code.toRefusal)),
    write: async (scope, ...statements) => lastOf(await run(scope, statements, 0, code.toWriteRefusal)),
    writeAll: (scope, ...statements) => run(scope, statements, 0, code.toWriteRefusal),
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
    ready: async () => reachable(),
    close: async () => {},
  }
}
