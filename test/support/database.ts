import { randomBytes } from 'node:crypto'
import { mkdtempSync, openAsBlob, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { inject } from 'vitest'
import { type Config, readConfig } from '../../shared/config.ts'
import { embeddedPool, startEngine } from '../../shared/db/embedded.ts'
import type { Opened, Role } from '../../shared/db/opened.ts'
import { openPool } from '../../shared/db/pool.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { type Shared, shareOver } from '../../shared/shared.ts'
import { databaseUrl, migrationsDir, onServer } from './global.ts'

export const engine = process.env.TEST_ENGINE === 'server' ? 'server' : 'embedded'
export const ADMIN_KEY = 'admin-key-of-the-tests-0123456789abcdef'

/** A migrated database of the test file's own. */
export type TestDatabase = {
  config: Config
  /** Connections as the functions have them (agenthub_app), or as whoever owns the server. */
  open(role?: Role): Promise<Opened>
  /** Runs SQL as whoever owns the server: to look at what no caller may see. */
  sql<R extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>
  /** Where it is, on a server. */
  url: string | undefined
  drop(): Promise<void>
}

export const makeTestDatabase = (environment: Record<string, string> = {}): Promise<TestDatabase> =>
  engine === 'server' ? onTemplate(environment) : onDump(environment)

const settings = (environment: Record<string, string>): Config =>
  readConfig({ AGENTHUB_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: 'error', EMBEDDING_PROVIDER: 'none', ...environment })

const onTemplate = async (environment: Record<string, string>): Promise<TestDatabase> => {
  const server = inject('server')
  const name = `test_${randomBytes(6).toString('hex')}`
  await onServer(server, client => client.query(`create database ${name} template ${inject('template')} strategy file_copy`))
  const url = databaseUrl(server, name)
  const config = settings({ DATABASE_URL: url, RATE_LIMIT_PER_MINUTE: '0', ...environment })
  return {
    config,
    url,
    open: async (role = 'agenthub_app') => {
      const opened = await openPool(config, role, migrationsDir)
      opened.pool.on('error', () => {}) // an idle one: a closed pool's connections are still ending when their database is dropped
      return opened
    },
    sql: async (text, values) => (await onServer(url, client => client.query(text, values))).rows,
    drop: async () => void (await onServer(server, client => client.query(`drop database ${name} with (force)`))),
  }
}

const onDump = async (environment: Record<string, string>): Promise<TestDatabase> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-data-'))
  const pglite = await startEngine(undefined, { loadDataDir: await openAsBlob(inject('dump')) })
  const open = async (role: Role = 'agenthub_app') => {
    const pool = embeddedPool(pglite, role)
    return { pool, close: () => pool.end() }
  }
  return {
    config: settings({ DATA_DIR: folder, ...environment }),
    url: undefined,
    open,
    sql: async <R extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      pglite.transaction(async tx => {
        await tx.exec('set local role postgres')
        return (await tx.query<R>(text, values)).rows
      }),
    drop: async () => {
      await pglite.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What the functions share, over a test database. `lines` collects the log. */
export const shareTest = async (database: TestDatabase, lines: string[] = []): Promise<Shared> =>
  shareOver(
    database.config,
    ADMIN_KEY,
    await database.open(),
    makeLog(database.config.logLevel, undefined, line => lines.push(line)),
  )
