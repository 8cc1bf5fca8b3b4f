import { inject } from 'vitest'
import { openPool } from '../../shared/db/pool.ts'
import { makeTestDatabase } from './database.ts'
import { migrationsDir } from './global.ts'
import { type Running, runOver } from './http.ts'
import { startProxy, type WireProxy } from './proxy.ts'

/** A running gateway whose connections go by way of a proxy. Needs a server. */
export const runBehindProxy = async (environment: Record<string, string> = {}): Promise<Running & { proxy: WireProxy }> => {
  const proxy = await startProxy(inject('server'))
  const database = await makeTestDatabase(environment)
  const config = { ...database.config, database: { kind: 'url' as const, url: proxy.url(database.url as string) } }
  const app = await runOver({ ...database, config, open: (role = 'agenthub_app') => openPool(config, role, migrationsDir) })
  return {
    ...app,
    proxy,
    stop: async () => {
      await proxy.close()
      await app.stop()
    },
  }
}
