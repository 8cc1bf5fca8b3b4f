import type { Pool, PoolClient } from 'pg'
import { Refusal } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Batch, type Columns, type Statement } from './batch.ts'
import { type DatabaseError, isConnectionLoss, isStalePlan, isTransient, toRefusal } from './refusals.ts'
import { opening, type Scope } from './scope.ts'

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** What the stores work with. Each call is one round trip, and rows are those of the last statement. */
export type Database = {
  /** Opens the scope and reads. Sent again, once, over a fresh connection when the first is lost. */
  read(scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /** Opens the scope and changes, all or nothing. A lost connection leaves the outcome unknown: 503, never sent again. */
  write(scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /** `write` that answers the rows of every statement, in order. */
  writeAll(scope: Scope, ...statements: Statement[]): Promise<Columns[][]>
  /** `write` under another isolation level; serialization failures are sent again, as deadlocks are everywhere. */
  writeAt(isolation: Isolation, scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /** Lends one connection to work that needs several trips in one transaction; ended by `work`, closed if `work` throws. */
  session<T>(work: (run: Run) => Promise<T>): Promise<T>
  /** Whether the database answers at all, within a second. */
  ready(): Promise<boolean>
  close(): Promise<void>
}

/** One round trip on a borrowed connection: the rows of each statement. Postgres's errors come as they are. */
export type Run = (statements: readonly Statement[]) => Promise<Columns[][]>

export type DatabaseOptions = {
  /** Requests that may wait for a connection; one more is refused with 503. */
  queue: number
  /** Milliseconds a statement may run before Postgres ends it; a second later the connection is given up. */
  statementTimeout: number
  log: Log
  metrics: Metrics
  random?: () => number
}

/** Whether what failed with this error may be sent once more. */
type Again = (error: DatabaseError) => boolean

const ATTEMPTS = 4
const SLOW_SECONDS = 0.1

/** A statement without values, named by its text. */
export const plain = (text: string): Statement => ({ name: text, text, values: [] })

const rowsOf =
  (index: number) =>
  (results: Columns[][]): Columns[] =>
    results.at(index) as Columns[]
const lastRows = rowsOf(-1)

const refuseLateConnection = (cause: DatabaseError): never => {
  if (/timeout exceeded when trying to connect|due to connection timeout/.test(cause.message))
    throw new Refusal('overloaded', 'no database connection became free in time', { retryAfter: 1, cause })
  throw cause
}

/** A Database over a pool whose connections already are agenthub_app (or agenthub_jobs). */
export const makeDatabase = (pool: Pool, options: DatabaseOptions): Database => {
  const { log, metrics, random = Math.random } = options
  pool.on('error', error => log('warning', 'an idle database connection was lost', { error }))
  pool.on('connect', client => client.on('error', error => log('warning', 'a database connection was lost', { error })))
  metrics.gauge('db_pool_connections', 'Connections open', () => pool.totalCount)
  metrics.gauge('db_pool_idle', 'Connections idle', () => pool.idleCount)
  metrics.gauge('db_pool_waiting', 'Requests waiting for a connection', () => pool.waitingCount)

  const connect = (): Promise<PoolClient> => {
    if (pool.waitingCount >= options.queue) throw new Refusal('overloaded', 'too many requests wait for the database', { retryAfter: 1 })
    return pool.connect().catch(refuseLateConnection)
  }

  /** One batch on one connection, with its time measured and its answer awaited no longer than it may take. */
  const send = async (client: PoolClient, statements: readonly Statement[], trace?: string): Promise<Columns[][]> => {
    const name = (statements.findLast(statement => statement.text !== 'commit') as Statement).name
    const start = performance.now()
    const batch = new Batch(statements)
    const watch = setTimeout(() => giveUp(client, batch), options.statementTimeout + 1000)
    let outcome: 'ok' | 'error' = 'error'
    try {
      client.query(batch)
      const results = await batch.done
      outcome = 'ok'
      return results
    } finally {
      clearTimeout(watch)
      const seconds = (performance.now() - start) / 1000
      metrics.query(name, seconds, outcome)
      if (seconds > SLOW_SECONDS) log('warning', 'slow query', { statement: name, milliseconds: Math.round(seconds * 1000), trace })
    }
  }

  const giveUp = (client: PoolClient, batch: Batch) => {
    const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
    connection.stream.destroy()
    batch.handleError(new Error('no answer within the time-out'))
  }

  const once = async (statements: readonly Statement[], trace?: string): Promise<Columns[][]> => {
    const client = await connect()
    try {
      const results = await send(client, statements, trace)
      client.release()
      return results
    } catch (error) {
      const broken = isConnectionLoss(error as DatabaseError) || isStalePlan(error as DatabaseError)
      if (!broken && statements.at(-1)?.text === 'commit') await send(client, [plain('rollback')])
      client.release(broken)
      throw error
    }
  }

  const run = async <T>(scope: Scope, statements: readonly Statement[], again: Again, pick: (results: Columns[][]) => T): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return pick(await (scope.unit ? scope.unit.run(statements) : once(statements, scope.trace)))
      } catch (error) {
        if (attempt === ATTEMPTS || scope.unit || !again(error as DatabaseError)) throw toRefusal(error as DatabaseError)
        await new Promise(resolve => setTimeout(resolve, random() * 10 * 4 ** attempt))
      }
    }
  }

  const mayReadAgain = () => {
    let losses = 0
    return (error: DatabaseError) => isTransient(error) || isStalePlan(error) || (isConnectionLoss(error) && losses++ === 0)
  }
  const mayWriteAgain = (error: DatabaseError) => isTransient(error) || isStalePlan(error)

  return {
    read: (scope, ...statements) => run(scope, [opening(scope), ...statements], mayReadAgain(), lastRows),
    write: (scope, ...statements) => run(scope, [opening(scope), ...statements], mayWriteAgain, lastRows),
    writeAll: (scope, ...statements) => run(scope, [opening(scope), ...statements], mayWriteAgain, results => results.slice(1)),
    writeAt: async (isolation, scope, ...statements) => {
      if (scope.unit) throw new Error('the isolation level of a transaction that has begun cannot be changed')
      const begin = plain(`begin isolation level ${isolation}`)
      return run(scope, [begin, opening(scope), ...statements, plain('commit')], mayWriteAgain, rowsOf(-2))
    },
    session: async work => {
      const client = await connect()
      try {
        const result = await work(statements => send(client, statements))
        client.release()
        return result
      } catch (error) {
        client.release(true)
        throw error
      }
    },
    ready: async () => {
      const slow = new Promise<boolean>(resolve => setTimeout(() => resolve(false), 1000).unref())
      const answer = once([plain('select 1')]).then(
        () => true,
        () => false,
      )
      return Promise.race([answer, slow])
    },
    close: () => pool.end(),
  }
}
