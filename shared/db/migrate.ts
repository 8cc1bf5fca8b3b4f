import { runner } from 'node-pg-migrate'
import type pg from 'pg'

/** Any number that no other program uses as an advisory lock in this database. */
const LOCK = 4_711_000_001

/**
 * Brings the schema up to date: every file of `dir` not yet applied, in order, each in a transaction of its own.
 * A second run at the same time waits for the first and then finds nothing to do. Needs a session of its own (no pooler).
 * Returns the names of what it applied. After an error the caller must close the connection, which gives the lock back.
 */
export const migrate = async (client: pg.ClientBase, dir: string): Promise<string[]> => {
  await client.query('select pg_advisory_lock($1)', [LOCK])
  const applied = await runner({
    dbClient: client,
    dir,
    direction: 'up',
    count: Number.POSITIVE_INFINITY,
    migrationsTable: 'schema_migrations',
    singleTransaction: false,
    noLock: true,
    // biome-ignore lint/suspicious/noConsole: a migration's warnings are for whoever runs it, wherever that is
    logger: { info: () => {}, warn: console.warn, error: console.error },
  })
  await client.query('select pg_advisory_unlock($1)', [LOCK])
  return applied.map(migration => migration.name)
}
