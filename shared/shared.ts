import { adminKeyOf } from './adminkey.ts'
import type { Config } from './config.ts'
import { type Database, makeDatabase } from './db/database.ts'
import type { Opened, Role } from './db/opened.ts'
import { openPool } from './db/pool.ts'
import type { Embeddings } from './embeddings/embeddings.ts'
import { openEmbeddings } from './embeddings/open.ts'
import { type Counter, countInProcess, countInRedis } from './http/ratelimit.ts'
import { newId } from './id.ts'
import { type Collection, makeStaged, type Staged } from './migration/staged.ts'
import { type Log, makeLog } from './observe/log.ts'
import { type Metrics, makeMetrics } from './observe/metrics.ts'

/** What a process makes once and all its functions share. */
export type Shared = {
  config: Config
  adminKey: string
  db: Database
  /** Makes vectors of texts, where a provider is configured. */
  embeddings: Embeddings | undefined
  /** Counts for rate limits. */
  count: Counter
  log: Log
  metrics: Metrics
  /** Puts a collection that was a dictionary at its stage, and keeps it among `collections`. */
  stage<S extends object>(collection: Collection<S>): Staged<S>
  collections: Map<string, Staged<object>>
  close(): Promise<void>
}

/** Opens the database that is configured and makes the rest. `migrationsDir` is where sql/ lies, for the embedded engine. */
export const makeShared = async (config: Config, migrationsDir: string, role: Role = 'agenthub_app'): Promise<Shared> => {
  const adminKey = adminKeyOf(config)
  return shareOver(config, adminKey, await openPool(config, role, migrationsDir), makeLog(config.logLevel, config.project))
}

/** The same over a database that is open already. */
export const shareOver = async (config: Config, adminKey: string, { pool, close }: Opened, log: Log): Promise<Shared> => {
  const metrics = makeMetrics()
  const { queue, statementTimeout } = config.pool
  const count = config.redis ? await countInRedis(config.redis, log) : countInProcess()
  const db = makeDatabase(pool, { queue, statementTimeout, log, metrics })
  const { first, validSeconds } = config.migration
  const instance = newId('ins')
  const collections = new Map<string, Staged<object>>()
  return {
    config,
    adminKey,
    db,
    embeddings: openEmbeddings(config, db, log),
    count,
    log,
    metrics,
    collections,
    stage: collection => {
      const staged = makeStaged(db, log, { first, instance, leaseSeconds: validSeconds, validSeconds }, collection)
      collections.set(collection.name, staged)
      return staged
    },
    close: async () => {
      for (const staged of collections.values()) await staged.release()
      await close()
    },
  }
}
