import { adminKeyOf } from './adminkey.ts'
import type { Cache, CacheOptions } from './cache/cache.ts'
import { type Copies, makeCopies } from './cache/copies.ts'
import { openRedis } from './cache/redis.ts'
import { makeRevocations, type Revocations } from './cache/revocations.ts'
import { makeCache } from './cache/tiers.ts'
import type { Config } from './config.ts'
import { type Database, makeDatabase } from './db/database.ts'
import type { Opened, Role } from './db/opened.ts'
import { openPool } from './db/pool.ts'
import type { Embeddings } from './embeddings/embeddings.ts'
import { openEmbeddings } from './embeddings/open.ts'
import { type Counter, countInProcess, countInRedis } from './http/ratelimit.ts'
import type { HttpFunction } from './http/route.ts'
import { newId } from './id.ts'
import { measureMirrors } from './migration/metrics.ts'
import { type Collection, makeStaged, type Staged } from './migration/staged.ts'
import { startExport } from './observe/export.ts'
import { type Log, makeLog } from './observe/log.ts'
import { type Metrics, makeMetrics } from './observe/metrics.ts'
import { makeTraces, type Traces } from './observe/trace.ts'
import { serviceTokens } from './token.ts'

/** What a process makes once and all its functions share. */
export type Shared = {
  config: Config
  adminKey: string
  db: Database
  /** Makes vectors of texts, where a provider is configured. */
  embeddings: Embeddings | undefined
  /** Counts for rate limits. */
  count: Counter
  /** A cache in this process, and in Redis behind it where that is configured. */
  cache<T>(options: CacheOptions<T>): Cache<T>
  /** Copies in this process of what is read at every use. */
  copies<T>(options: CacheOptions<T>): Copies<T>
  /** Where it is told that credentials have ended. */
  revocations: Revocations
  log: Log
  metrics: Metrics
  /** Which requests are traced: none where nobody reads it. */
  traces: Traces | undefined
  /** Puts a collection that was a dictionary at its stage, and keeps it among `collections`. */
  stage<S extends object>(collection: Collection<S>): Staged<S>
  collections: ReadonlyMap<string, Staged<object>>
  /** A collection whose memory this process may hold, whether it has served it yet or not. */
  held(name: string): Promise<Staged<object> | undefined>
  close(): Promise<void>
}

/** Imports what makes a function. */
export type Load = () => Promise<(shared: Shared) => HttpFunction>

/** Opens the database that is configured and makes the rest. `migrationsDir` is where sql/ lies, for the embedded engine. */
export const makeShared = async (config: Config, migrationsDir: string, role: Role = 'agenthub_app'): Promise<Shared> => {
  const adminKey = await adminKeyOf(config)
  return shareOver(config, adminKey, await openPool(config, role, migrationsDir), makeLog(config.logLevel, config.project))
}

/** The same over a database that is open already. */
export const shareOver = async (config: Config, adminKey: string, { pool, renew, close }: Opened, log: Log): Promise<Shared> => {
  const metrics = makeMetrics(log)
  const { queue, statementTimeout } = config.pool
  const redis = config.redis && (await openRedis(config.redis, adminKey, log, metrics))
  const revocations = makeRevocations(redis, log)
  const db = makeDatabase(pool, { queue, statementTimeout, log, metrics, renew })
  const cache = <T>(options: CacheOptions<T>): Cache<T> => makeCache(redis, metrics, options)
  const { first, validSeconds } = config.migration
  const instance = newId('ins')
  const collections = new Map<string, Staged<object>>()
  measureMirrors(metrics, collections)
  const { traces, stop } = exportTo(config.telemetry, instance, metrics, log)
  return {
    config,
    adminKey,
    db,
    count: redis ? countInRedis(redis) : countInProcess(),
    cache,
    copies: options => makeCopies(metrics, options),
    revocations,
    embeddings: openEmbeddings(config, { db, log, cache }),
    log,
    metrics,
    traces,
    collections,
    held: async name => collections.get(name),
    stage: collection => {
      const staged = makeStaged(db, log, { first, instance, leaseSeconds: validSeconds, validSeconds, ...revocations }, collection)
      collections.set(collection.name, staged)
      return staged
    },
    close: async () => {
      for (const staged of collections.values()) await staged.release()
      await stop?.()
      await close()
    },
  }
}

const exportTo = (telemetry: Config['telemetry'], instance: string, metrics: Metrics, log: Log) => {
  if (!telemetry) return { traces: undefined, stop: undefined }
  const { url, metadataUrl, resource, share } = telemetry
  const traces = makeTraces(share)
  const about = { ...resource, 'service.instance.id': instance }
  return { traces, stop: startExport({ url, resource: about, token: serviceTokens(metadataUrl) }, metrics, traces, log).stop }
}
