import { chmodSync, createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { agents } from '../../functions/agents/legacy.ts'
import { postgresDictionaries } from '../../functions/migration/postgres.ts'
import { readConfig } from '../../shared/config.ts'
import { openPool } from '../../shared/db/pool.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { linesOfDictionary } from '../../shared/dictionary.ts'
import { makeLog } from '../../shared/observe/log.ts'
import { shareOver } from '../../shared/shared.ts'
import { migrationsDir, onServer } from '../support/global.ts'
import type { Bench } from './ground.ts'
import { look, worked } from './work.ts'

const ENTRIES = Number(process.env.BENCH_IMPORT_ENTRIES ?? 1_000_000)
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

/** How long something took by the clock, and how long the backends of the database worked for it, in seconds. */
type Cost = { took: number; worked: number }

/**
 * Import of a dictionary against COPY of the same rows into the same table, indexes and audit trigger included, and its
 * comparison and export. COPY reads a file on the server: it is spared the way over the wire that the import pays for.
 */
export const dictionaryImport: Bench = {
  name: 'import',
  about: `${ENTRIES} agents of a dictionary imported, compared and exported, beside COPY of the same rows into the same table`,
  run: async ({ database }) => {
    const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
    chmodSync(folder, 0o777) // the server writes here, as another user than root
    const config = readConfig({ DATABASE_URL: database, AGENTHUB_ADMIN_KEY: 'k'.repeat(32), LOG_LEVEL: 'error' })
    const shared = await shareOver(config, '', await openPool(config, 'agenthub_app', migrationsDir), makeLog('error', undefined))
    const file = join(folder, 'agents.json')
    const rows = join(folder, 'agents.copy')
    let rss = 0
    const watch = setInterval(() => {
      rss = Math.max(rss, process.memoryUsage.rss())
    }, 50)
    try {
      return await onServer(database, async client => {
        const sql = (text: string) => client.query(text)
        const cost = async (work: () => Promise<unknown>): Promise<Cost> => {
          const backends = async () =>
            (await sql('select pid from pg_stat_activity where datname = current_database()')).rows.map(({ pid }) => pid)
          const [before, start] = [look(await backends()), performance.now()]
          await work()
          return { took: (performance.now() - start) / 1000, worked: worked(before, await backends()) }
        }
        await pipeline(Readable.from(dictionary()), createWriteStream(file))
        const dictionaries = postgresDictionaries(shared.db)
        const upload = () => ({ lines: linesOfDictionary(createReadStream(file, { highWaterMark: 256 * 1024 })), whole: false })
        const importing = await cost(() => dictionaries.import(scope, agents, upload(), {}))
        await sql('vacuum analyze agents')
        const comparing = await cost(async () => {
          const { equal } = await dictionaries.compare(scope, agents, upload(), {}, undefined)
          if (!equal) throw new Error('the comparison found a difference')
        })
        const exporting = await cost(async () => {
          for await (const _ of dictionaries.export(scope, agents, {}));
        })
        const again = await cost(() => dictionaries.import(scope, agents, upload(), {}))
        const peak = Math.max(rss, process.memoryUsage.rss()) / 1024 / 1024
        const columns = 'organization_id, id, name, industry, description, configuration, status, extra, version, created_at, updated_at'
        await sql(`copy agents (${columns}) to '${rows}'`)
        await sql('truncate agents, audit_events')
        await sql('checkpoint')
        const copying = await cost(() => sql(`copy agents (${columns}) from '${rows}'`))
        const row = (what: string, { took, worked }: Cost) => [
          what,
          String(Math.round(ENTRIES / took)),
          ((worked / ENTRIES) * 1e6).toFixed(1),
        ]
        return {
          table: [
            ['', 'rows/s', 'us of PostgreSQL a row'],
            row('import', importing),
            row('COPY', copying),
            row('comparison', comparing),
            row('export', exporting),
            row('import again', again),
          ],
          targets: [
            { what: 'import / COPY', value: copying.took / importing.took, least: 0.5 },
            { what: "COPY's work / the import's (one connection against two)", value: copying.worked / importing.worked },
            { what: 'time of the comparison / time of the import', value: comparing.took / importing.took, most: 1 },
            { what: 'memory of the process at its most, MB', value: peak, most: 300 },
          ],
        }
      })
    } finally {
      clearInterval(watch)
      await shared.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
