import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { pg_stat_statements } from '@electric-sql/pglite/contrib/pg_stat_statements'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { vector } from '@electric-sql/pglite-pgvector'
import pg from 'pg'
import { lockDirectory } from './lock.ts'
import { migrate } from './migrate.ts'
import type { Opened, Role } from './opened.ts'

/** The engine itself, with every extension the migrations ask for. `loadDataDir` starts from a dump (tests). */
export const startEngine = (dataDir: string | undefined, options: PGliteOptions = {}): Promise<PGlite> =>
  PGlite.create({
    ...(dataDir === undefined ? {} : { dataDir }),
    extensions: { btree_gin, pg_stat_statements, vector },
    postgresqlconf: ['shared_buffers = 16MB'],
    ...options,
  })

/**
 * A pool of one connection on an embedded engine. All its clients share one session, so each new one clears what its
 * predecessor left (named statements, an open transaction, a role) before it becomes `role`.
 */
export const embeddedPool = (engine: PGlite, role: Role): pg.Pool => {
  class Client extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, ...(createPgConfig(engine) as unknown as pg.ClientConfig) })
    }
  }
  return new pg.Pool({
    Client: Client as unknown as new () => pg.PoolClient,
    max: 1,
    idleTimeoutMillis: 0,
    onConnect: async client => {
      await client.query('rollback')
      await client.query('discard all')
      await client.query("set timezone = 'UTC'")
      if (role !== 'login') await client.query(`set role ${role}`)
    },
  })
}

/** Opens (and first makes and migrates) the embedded database under `dataDir`, which one process may hold at a time. */
export const openEmbedded = async (dataDir: string, role: Role, migrationsDir: string): Promise<Opened> => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unlock = lockDirectory(dataDir)
  try {
    const engine = await startEngine(join(dataDir, 'postgres'))
    await migrateEngine(engine, migrationsDir)
    const pool = embeddedPool(engine, role)
    return {
      pool,
      close: async () => {
        await pool.end()
        await engine.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Migrates an engine over a connection of its own, gone before the pool takes the session over. */
export const migrateEngine = async (engine: PGlite, migrationsDir: string): Promise<void> => {
  const pool = embeddedPool(engine, 'login')
  const client = await pool.connect()
  try {
    await migrate(client, migrationsDir)
  } finally {
    client.release(true)
    await pool.end()
  }
}
