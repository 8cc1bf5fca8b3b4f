import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrateEngine, startEngine } from '../../shared/db/embedded.ts'
import { migrate } from '../../shared/db/migrate.ts'
import { noRedis } from './redis.ts'
import { startServer } from './server.ts'

export const migrationsDir = new URL('../../sql', import.meta.url).pathname
const TEMPLATE = 'agenthub_test_template'

declare module 'vitest' {
  export interface ProvidedContext {
    /** A dump of a migrated embedded engine. */
    dump: string
    /** A server (without database name), and its migrated template. */
    server: string
    template: string
  }
}

/** Migrates once; each test file then starts from a copy of its own. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-test-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  if (project.name === 'embedded') {
    if (noRedis) process.stderr.write(`Tests that need a real Redis are skipped: ${noRedis}.\n`)
    const engine = await startEngine(undefined)
    await migrateEngine(engine, migrationsDir)
    const dump = join(folder, 'dump.tar')
    writeFileSync(dump, Buffer.from(await (await engine.dumpDataDir('none')).arrayBuffer()))
    await engine.close()
    project.provide('dump', dump)
    return async () => rmSync(folder, { recursive: true, force: true })
  }
  const given = process.env.TEST_DATABASE_URL
  const server = given ? { url: given, stop: async () => {} } : await startServer(join(folder, 'postgres'))
  const template = `${TEMPLATE}_${process.pid}`
  await onServer(server.url, async client => {
    await client.query(`drop database if exists ${template}`)
    await client.query(`create database ${template}`)
  })
  await onServer(databaseUrl(server.url, template), client => migrate(client, migrationsDir))
  project.provide('server', server.url)
  project.provide('template', template)
  return async () => {
    await onServer(server.url, client => client.query(`drop database if exists ${template}`))
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The URL of another database on the same server. */
export const databaseUrl = (server: string, database: string): string => Object.assign(new URL(server), { pathname: `/${database}` }).href

/** Runs something over a connection of its own, as whoever logs in. */
export const onServer = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
