import type pg from 'pg'

/** What every way to a database gives: a pool whose connections are `role`, and how to end what lies beneath it. */
export type Opened = {
  pool: pg.Pool
  /** Learns anew how to reach the database, after a connection was refused; false when that was tried a moment ago. */
  renew?: () => Promise<boolean>
  close(): Promise<void>
}

/** What connections become; a migration stays who logged in. */
export type Role = 'agenthub_app' | 'agenthub_jobs' | 'login'
