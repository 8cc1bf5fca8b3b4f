import { chmodSync, createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { agents } from '../../functions/agents/legacy.ts'
import { postgresDictionaries } from '../../functions/migration/postgres.ts'
import { readConfig } from '../../shared/config.ts'
import { migrate } from '../../shared/db/migrate.ts'
import { openPool } from '../../shared/db/pool.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { linesOfDictionary } from '../../shared/dictionary.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { shareOver } from '../../shared/shared.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import { startServer } from '../support/server.ts'

export const name = 'import'

const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 1_000_000)
const scope: Scope = { organization_id: '', caller: { kind: 'platform', actor: 'bench' }, context: { request_id: 'bench' } }

/** A dictionary like the old service's: times without a zone, a configuration of some size. */
function* dictionary(): Generator<string> {
  for (let i = 0; i < ENTRIES; i++) {
    const entry = {
      id: `agent_${i}`,
      organization_id: 'org_bench',
      name: `Agent number ${i}`,
      industry: ['alarm', 'buses', 'events', 'flights'][i % 4],
      description: 'Affordable and comfortable travel across the country',
      status: 'active',
      config: { model: 'gemini-2.5-pro', temperature: (i % 100) / 100, intents: [{ name: 'FindBus', is_transactional: false, number: i }] },
      created_at: '2026-03-01T08:00:00',
      updated_at: '2026-03-04T08:17:00',
    }
    yield `${i === 0 ? '{' : ','}${JSON.stringify(entry.id)}:${JSON.stringify(entry)}`
  }
  yield '}'
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/**
 * Import of a dictionary against COPY of the same rows into the same table, indexes and audit trigger included, and its
 * comparison. COPY reads a file on the server: it is spared the way over the wire that the import pays for.
 */
export const bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  const given = process.env.DATABASE_URL
  const server = given ? { url: given, stop: async () => {} } : await startServer(join(folder, 'postgres'), ['-c', 'max_wal_size=4GB'])
  const database = `bench_import_${process.pid}`
  const url = databaseUrl(server.url, database)
  await onServer(server.url, client => client.query(`create database ${database}`))
  try {
    await onServer(url, client => migrate(client, migrationsDir))
    const file = join(folder, 'agents.json')
    await pipeline(Readable.from(dictionary()), createWriteStream(file))
    const config = readConfig({ DATABASE_URL: url, AGENTHUB_ADMIN_KEY: 'k'.repeat(32), LOG_LEVEL: 'error' })
    const shared = await shareOver(config, '', await openPool(config, 'agenthub_app', migrationsDir), makeLog('error', undefined))
    const dictionaries = postgresDictionaries(shared.db)
    const upload = () => ({ lines: linesOfDictionary(createReadStream(file)), whole: false })
    let rss = 0
    const watch = setInterval(() => {
      rss = Math.max(rss, process.memoryUsage.rss())
    }, 50)
    const sql = (text: string) => onServer(url, client => client.query(text))

    const importing = await seconds(async () => {
      const { inserted } = await dictionaries.import(scope, agents, upload(), {})
      if (inserted !== ENTRIES) throw new Error(`${inserted} inserted`)
    })
    await sql('vacuum analyze agents')
    const comparing = await seconds(async () => {
      const { equal } = await dictionaries.compare(scope, agents, upload(), {}, undefined)
      if (!equal) throw new Error('it is not equal')
    })
    const again = await seconds(() => dictionaries.import(scope, agents, upload(), {}))
    clearInterval(watch)

    const columns = 'organization_id, id, name, industry, description, configuration, status, extra, version, created_at, updated_at'
    const rows = `/tmp/${database}.copy`
    await sql(`copy agents (${columns}) to '${rows}'`)
    await sql('truncate agents, audit_events')
    await sql('checkpoint')
    const copying = await seconds(() => sql(`copy agents (${columns}) from '${rows}'`))
    await sql(`copy (select) to program 'rm ${rows}'`)
    await shared.close()
    return {
      entries: ENTRIES,
      import_rows_per_second: Math.round(ENTRIES / importing),
      copy_rows_per_second: Math.round(ENTRIES / copying),
      of_copy: Number((copying / importing).toFixed(2)),
      compare_rows_per_second: Math.round(ENTRIES / comparing),
      second_import_rows_per_second: Math.round(ENTRIES / again),
      peak_rss_mb: Math.round(rss / 1024 / 1024),
    }
  } finally {
    await onServer(server.url, client => client.query(`drop database ${database} with (force)`))
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
