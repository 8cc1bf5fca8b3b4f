import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import type { TestDatabase } from './database.ts'

/** A connection of the server's owner that holds locks open and looks at who waits for them. Needs a server. */
export type Holder = {
  sql(text: string, values?: unknown[]): Promise<pg.QueryResult>
  /** Resolves once `count` of the functions' connections wait for a lock, with the process ids of their backends. */
  waiting(count: number): Promise<number[]>
  /** The functions' connections. */
  backends(): Promise<number[]>
  /** Ends a backend, and resolves once it is gone. */
  kill(pid: number): Promise<void>
  close(): Promise<void>
}

/** Gives up after ten seconds. */
export const until = async (condition: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition did not come true')
    await setImmediate() // the network comes to its turn between two looks
  }
}

const ours = `select pid from pg_stat_activity where datname = current_database() and application_name like 'agenthub-%'`

export const holdLocks = async (database: TestDatabase): Promise<Holder> => {
  const client = new pg.Client({ connectionString: database.url })
  const watcher = new pg.Client({ connectionString: database.url })
  await Promise.all([client.connect(), watcher.connect()])
  const pids = async (text: string, values: unknown[] = []): Promise<number[]> =>
    (await watcher.query(text, values)).rows.map(row => row.pid)
  return {
    sql: (text, values) => client.query(text, values),
    waiting: async count => {
      let found: number[] = []
      await until(async () => {
        found = await pids(`${ours} and wait_event_type = 'Lock'`)
        return found.length >= count
      })
      return found
    },
    backends: () => pids(ours),
    kill: async pid => {
      await watcher.query('select pg_terminate_backend($1)', [pid])
      await until(async () => (await pids(`${ours} and pid = $1`, [pid])).length === 0)
    },
    close: async () => void (await Promise.all([client.end(), watcher.end()])),
  }
}
