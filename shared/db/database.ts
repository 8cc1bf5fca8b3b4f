import type { Pool, PoolClient } from 'pg'
import { Refusal } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Batch, type Columns, nameOf, type Statement } from './batch.ts'
import { type ConnectionOptions, connectionsOf } from './connections.ts'
import { longestOf, MARGIN_MS } from './patience.ts'
import { again, type DatabaseError, isConnectionLoss, isSilence, isStalePlan, toRefusal, toWriteRefusal } from './refusals.ts'
import { opening, type Scope } from './scope.ts'
import { makeTag } from './tag.ts'

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** What the stores work with. Each call is one round trip, and rows are those of the last statement. */
export type Database = {
  /** Opens a connection before anybody needs it. */
  open(): void
  /** Opens the scope and reads. Sent again, once, over a fresh connection when the first is lost. */
  read(scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /** Opens the scope and changes, all or nothing. A lost connection leaves the outcome unknown: 503, never sent again. */
  write(scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /** `write` that answers the rows of every statement, in order. */
  writeAll(scope: Scope, ...statements: Statement[]): Promise<Columns[][]>
  /** `write` under another isolation level; serialization failures are sent again, as deadlocks are everywhere. */
  writeAt(isolation: Isolation, scope: Scope, ...statements: Statement[]): Promise<Columns[]>
  /**
   * Lends one connection, from the first trip on, to work that needs several in one transaction: ended by `work`, rolled back if
   * `work` throws. Work that still waits for something holds none: what it waits for may need one. Between two of its transactions
   * `rest` gives it back for a while.
   */
  session<T>(work: (run: Run, rest: () => void) => Promise<T>): Promise<T>
  /** Whether a connection is to be had at once: what can be left out should not make requests wait. */
  spare(): boolean
  /** Whether the database answers at all, within a second. */
  ready(): Promise<boolean>
  close(): Promise<void>
}

/** One round trip on a borrowed connection: the rows of each statement. Postgres's errors come as they are. */
export type Run = (statements: readonly Statement[]) => Promise<Columns[][]>

export type DatabaseOptions = ConnectionOptions & {
  /** Milliseconds a statement may run before Postgres ends it; a second later the connection is given up. */
  statementTimeout: number
  metrics: Metrics
  random?: () => number
}

/** How a batch is sent: whether an error lets it be sent again, what an error becomes, what its caller wants of the rows. */
type Plan<T> = {
  again: (error: DatabaseError) => boolean
  refuse: (error: DatabaseError) => Error
  pick: (results: Columns[][]) => T
  begin?: Statement[]
  commit?: Statement[]
}

const ATTEMPTS = 4
const SLOW_SECONDS = 0.1

/** A statement without values, named by its text. */
export const plain = (text: string): Statement => ({ name: text, text, values: [] })

const lastRows = (results: Columns[][]): Columns[] => results.at(-1) as Columns[]
const allRows = (results: Columns[][]): Columns[][] => results

const succeeds = (work: Promise<unknown>): Promise<boolean> => work.then(() => true).catch(() => false)

/** A Database over a pool whose connections already are agenthub_app (or agenthub_jobs). */
export const makeDatabase = (pool: Pool, options: DatabaseOptions): Database => {
  const { log, metrics, random = Math.random } = options
  pool.on('error', error => log('warning', 'an idle database connection was lost', { error }))
  pool.on('connect', client => client.on('error', error => log('warning', 'a database connection was lost', { error })))
  metrics.gauge('db_pool_connections', 'Connections open', () => pool.totalCount)
  metrics.gauge('db_pool_in_use', 'Connections in use', () => pool.totalCount - pool.idleCount)
  metrics.gauge('db_pool_waiting', 'Requests waiting for a connection', () => pool.waitingCount)

  const { open, take, broke } = connectionsOf(pool, options)
  const tag = makeTag()
  const longest = longestOf(options.statementTimeout)

  /** One batch on one connection, with its time measured and its answer awaited no longer than it may take. */
  const send = async (
    client: PoolClient,
    statements: readonly Statement[],
    trace?: string,
    patience = longest(statements),
  ): Promise<Columns[][]> => {
    const name = nameOf(statements)
    const start = performance.now()
    const batch = new Batch(statements)
    const watch = setTimeout(() => giveUp(client, batch), patience)
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

  const once = async (statements: readonly Statement[], trace?: string, patience?: number): Promise<Columns[][]> => {
    const client = await take()
    try {
      const results = await send(client, statements, trace, patience)
      client.release()
      return results
    } catch (error) {
      await giveBack(client, error as DatabaseError, statements.at(-1)?.text === 'commit')
      throw error
    }
  }

  /** Returns a connection after an error: to the pool once its transaction is undone, closed if that cannot be. */
  const giveBack = async (client: PoolClient, error: DatabaseError, inTransaction: boolean): Promise<void> => {
    const lost = isConnectionLoss(error)
    if (lost) broke(client)
    const broken = lost || isStalePlan(error)
    client.release(broken || (inTransaction && !(await succeeds(send(client, [plain('rollback')])))))
  }

  /** A trip by whichever way the scope goes, noted where it is traced. */
  const trip = (scope: Scope, batch: Statement[], patience: number | undefined): Promise<Columns[][]> => {
    const on = scope.unit?.run ?? scope.lent
    const answer = () => (on ? on(batch) : once(batch, scope.trace, patience))
    return scope.spans ? scope.spans.query(nameOf(batch), answer) : answer()
  }

  /** Sends [opening with its checks, statements, after], again as long as the plan says so, and picks from the rows of `statements`. */
  const run = async <T>(scope: Scope, statements: readonly Statement[], plan: Plan<T>): Promise<T> => {
    const { checks = [], after = [] } = scope.around ?? {}
    const { begin = [], commit = [] } = plan
    const own = [...statements, ...after].map(statement => tag(scope.route, statement))
    const batch = [...begin, opening(scope, checks, statements.at(-1)?.planned), ...own, ...commit]
    const first = begin.length + 1
    let patience: number | undefined
    for (let attempt = 1; ; attempt++) {
      try {
        const results = await trip(scope, batch, patience)
        const end = first + statements.length
        scope.around?.learn(results.slice(end, end + after.length))
        return plan.pick(results.slice(first, end))
      } catch (error) {
        if (error instanceof Refusal) throw error
        if (attempt === ATTEMPTS || scope.unit || !plan.again(error as DatabaseError)) throw plan.refuse(error as DatabaseError)
        if (isSilence(error as DatabaseError)) patience = MARGIN_MS
        await new Promise(resolve => setTimeout(resolve, random() * 10 * 4 ** attempt))
      }
    }
  }

  const writing = { again: again.write, refuse: toWriteRefusal }

  return {
    open,
    read: (scope, ...statements) => run(scope, statements, { again: again.read(), refuse: toRefusal, pick: lastRows }),
    write: (scope, ...statements) => run(scope, statements, { ...writing, pick: lastRows }),
    writeAll: (scope, ...statements) => run(scope, statements, { ...writing, pick: allRows }),
    writeAt: async (isolation, scope, ...statements) => {
      if (scope.unit) throw new Error('the isolation level of a transaction that has begun cannot be changed')
      const begin = [plain(`begin isolation level ${isolation}`)]
      return run(scope, statements, { ...writing, pick: lastRows, begin, commit: [plain('commit')] })
    },
    session: async work => {
      let client: PoolClient | undefined
      const run: Run = async statements => {
        client ??= await take()
        return send(client, statements)
      }
      const rest = () => {
        client?.release()
        client = undefined
      }
      try {
        const result = await work(run, rest)
        rest()
        return result
      } catch (error) {
        if (client) await giveBack(client, error as DatabaseError, true)
        throw error
      }
    },
    spare: () => pool.waitingCount === 0 && (pool.idleCount > 0 || pool.totalCount < pool.options.max),
    ready: async () => {
      const slow = new Promise<boolean>(resolve => setTimeout(() => resolve(false), 1000).unref())
      return Promise.race([succeeds(once([plain('select 1')])), slow])
    },
    close: () => pool.end(),
  }
}
