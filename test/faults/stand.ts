import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../shared/db/migrate.ts'
import { insist } from '../support/ask.ts'
import { type Child, startChild } from '../support/children.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import { startProxy, type WireProxy } from '../support/proxy.ts'
import { type Bridge, startBridge } from '../support/redis.bridge.ts'
import { noRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { type Server, startServer } from '../support/server.ts'
import type { Sql } from './ledger.ts'

/** A function in a process of its own, before a PostgreSQL server of its own (by way of a proxy) and a Redis: all that can fail. */
export type Stand = {
  server: Server
  database: string
  proxy: WireProxy
  redis: { server: RedisServer; bridge: Bridge } | undefined
  /** The function that runs now. */
  gateway(): Child
  /** Kills it where it lives, and starts another one. */
  restart(): Promise<void>
  sql: Sql
  /** How long a statement may run (ms). */
  timeout: number
  /** A new organization: its id, and its owner's key. */
  organization(): Promise<{ id: string; token: string }>
  stop(): Promise<void>
}

export type StandOptions = {
  /** Where the scripts `functions/start` and `test/faults/clock` are bundled. */
  outdir: string
  timeout: number
  /** Flags of the server and of its initdb, and its folder where it must be a certain one. */
  flags?: string[] | undefined
  made?: string[]
  folder?: string
}

export const SCRIPTS = ['functions/start', 'test/faults/clock']
const ADMIN_KEY = 'admin-key-of-the-faults-0123456789abcdef'

export const makeStand = async ({ outdir, timeout, flags, made, folder }: StandOptions): Promise<Stand> => {
  const own = mkdtempSync(join(tmpdir(), 'agenthub-faults-'))
  chmodSync(own, 0o755) // the server runs as another user than root
  const server = await startServer(join(folder ?? own, 'postgres'), flags, made)
  const database = databaseUrl(server.url, 'faults')
  await onServer(server.url, client => client.query('create database faults'))
  await onServer(database, client => migrate(client, migrationsDir))
  const proxy = await startProxy(server.url)
  const redis = noRedis === undefined ? await openRedis() : undefined
  const start = () =>
    startChild(['--enable-source-maps', '--import', `${outdir}/test/faults/clock.js`, `${outdir}/functions/start.js`], {
      ...{ DATABASE_URL: proxy.url(database), DB_STATEMENT_TIMEOUT_MS: String(timeout), AGENTHUB_ADMIN_KEY: ADMIN_KEY },
      ...{ PORT: '0', LOG_LEVEL: 'error', RATE_LIMIT_PER_MINUTE: '1000000' },
      ...(redis && { UPSTASH_REDIS_REST_URL: redis.bridge.url, UPSTASH_REDIS_REST_TOKEN: redis.bridge.token }),
    })
  let gateway = await start()
  return {
    ...{ server, database, proxy, redis, timeout },
    gateway: () => gateway,
    restart: async () => {
      await gateway.kill()
      gateway = await start()
    },
    sql: async <R>(text: string, values?: unknown[]) => (await onServer(database, client => client.query(text, values))).rows as R[],
    organization: async () => {
      const { body } = await insist(gateway.url, ADMIN_KEY, { method: 'POST', path: '/organizations', body: { name: 'Faults' } })
      return { id: body.organization.id, token: body.api_key.secret }
    },
    stop: async () => {
      await gateway.kill()
      await proxy.close()
      await redis?.bridge.close()
      await redis?.server.kill()
      await server.stop()
      rmSync(own, { recursive: true, force: true })
    },
  }
}

/** Lends one, and takes it away. */
export const onStand = async <T>(options: StandOptions, work: (stand: Stand) => Promise<T>): Promise<T> => {
  const stand = await makeStand(options)
  try {
    return await work(stand)
  } finally {
    await stand.stop()
  }
}

const openRedis = async () => {
  const server = await startRedis()
  return { server, bridge: await startBridge(server.port) }
}
