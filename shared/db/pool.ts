import pg from 'pg'
import type { Config } from '../config.ts'
import { openCloudSql } from './cloudsql.ts'
import type { Opened, Role } from './opened.ts'
import { oneSession } from './session.ts'

/** How long a request may wait for a connection (ms), and how long a server may take to accept one. */
const CONNECT_MS = 3_000

/**
 * The settings of every connection to a server: sent with the startup packet, so that they cost no round trip. A transaction whose
 * function can no longer be reached holds its locks no longer than the function itself waits for an answer; and a session that is idle
 * between two transactions (a job's, which holds the job's lock) is ended within half a minute once its other end does not answer.
 */
export const sessionOptions = (role: Role, statementTimeout: number): string => {
  const bounds = [`role=${role}`, `statement_timeout=${statementTimeout}`, `idle_in_transaction_session_timeout=${statementTimeout + 1000}`]
  const keepalives = ['tcp_keepalives_idle=10', 'tcp_keepalives_interval=5', 'tcp_keepalives_count=3']
  return ['timezone=UTC', 'jit=off', ...keepalives, ...(role === 'login' ? [] : bounds)].map(setting => `-c ${setting}`).join(' ')
}

/**
 * Opens the database that the configuration names: embedded under `dataDir`, by URL, or Cloud SQL through its connector.
 * Only what is used is imported: the embedded engine and the connector are slow to load.
 */
export const openPool = async (config: Config, role: Role, migrationsDir: string): Promise<Opened> => {
  const shared = {
    max: config.pool.size,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    application_name: `agenthub-${config.target}`,
    options: sessionOptions(role, config.pool.statementTimeout),
    onConnect: oneSession,
  }
  const { database } = config
  if (database.kind === 'embedded') {
    const { openEmbedded } = await import('./embedded.ts')
    return openEmbedded(config.dataDir, role, migrationsDir)
  }
  if (database.kind === 'cloudsql') return openCloudSql(database, shared, config.secrets)
  const pool = new pg.Pool({ ...shared, connectionString: database.url })
  return { pool, close: () => pool.end() }
}
