import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { collections } from '../../functions/migration/collections.ts'
import { onServer } from '../support/global.ts'
import { type Bench, environmentOf, outdir } from './ground.ts'

/** The dictionaries of a running service, one file each. */
const FOLDER = resolve(process.env.BENCH_SNAPSHOT ?? '../shared/legacy-snapshot')
const ORGANIZATION = 'org_default'

const files = (): string[] => {
  const there = existsSync(FOLDER) ? readdirSync(FOLDER) : []
  return collections.map(({ name }) => name).filter(name => there.includes(`${name}.json`))
}

/** What `npm run import` prints of each collection: its numbers by their names, and of how many entries it says that they are equal. */
const reportsOf = (printed: string): Map<string, { [name: string]: number | undefined }> =>
  new Map(
    printed.split(/\n(?=\w+ \()/).map(text => {
      const [title = '', names = '', counts = ''] = text.split('\n')
      const numbers = counts.trim().split(/\s+/).map(Number)
      const cells = names
        .trim()
        .split(/\s+/)
        .map((name, i) => [name, numbers[i]] as const)
      const equal = Number(/ {2}equal: (\d+) entries/.exec(text)?.[1])
      return [title.split(' ')[0] as string, { ...Object.fromEntries(cells), equal }] as const
    }),
  )

/** By the old service's equality, which is that of Postgres's jsonb. */
const same = 'select $1::jsonb = $2::jsonb as yes'

/** Where the events lie: how many in their own month's partition, how many anywhere else, and in how many months. */
const homes = `select count(*) filter (where own)::int as own, count(*) filter (where not own)::int as elsewhere, count(distinct home)::int as months
from (
  select tableoid as home, tableoid::regclass::text = 'analytics_events_' || to_char(created_at at time zone 'UTC', 'YYYY_MM') as own from analytics_events
) e`

/** Every dictionary of the old service by `npm run import` as it is: imported, compared, exported, and imported again. */
export const snapshot: Bench = {
  name: 'snapshot',
  about: `the dictionaries in ${FOLDER} imported into a new database, compared, exported as they were, and imported again`,
  lacks: async () => (files().length === 0 ? `there are no dictionaries in ${FOLDER} (BENCH_SNAPSHOT)` : undefined),
  run: async ({ database }) => {
    const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
    const env = { ...process.env, ...environmentOf(database), DATA_DIR: join(folder, 'data'), MIGRATION_INITIAL_STAGE: 'complete' }
    /** The command fails, and so does this, when anything differs or was quarantined. */
    const command = async (...more: string[]) => {
      const start = performance.now()
      const args = ['--enable-source-maps', `${outdir}/functions/import.js`, FOLDER, '--organization', ORGANIZATION, ...more]
      const { stdout } = await promisify(execFile)('node', args, { env, maxBuffer: 64 * 1024 * 1024 })
      return { reports: reportsOf(stdout), seconds: (performance.now() - start) / 1000 }
    }
    try {
      const out = join(folder, 'out')
      const first = await command('--export', out)
      const again = await command()
      return await onServer(database, async client => {
        const text = (name: string, from: string) => readFileSync(join(from, `${name}.json`), 'utf8')
        const table = [['', 'bytes', 'entries', 'inserted', 'equal', 'inserted again', 'exported equal']]
        let [read, equal, anew, whole] = [0, 0, 0, 0]
        for (const name of files()) {
          const [one, two] = [first.reports.get(name), again.reports.get(name)]
          const exported = (await client.query(same, [text(name, FOLDER), text(name, out)])).rows[0].yes
          const bytes = statSync(join(FOLDER, `${name}.json`)).size
          table.push([name, bytes, one?.read, one?.inserted, one?.equal, two?.inserted, exported ? 'yes' : 'NO'].map(String))
          read += one?.read ?? 0
          equal += one?.equal ?? 0
          anew += two?.inserted ?? Number.POSITIVE_INFINITY
          whole += exported ? 1 : 0
        }
        const { own, elsewhere, months } = (await client.query(homes)).rows[0]
        table.push([`events, in partitions of their months: ${months}`, '', String(own + elsewhere), String(own), '', '', ''])
        return {
          table,
          targets: [
            { what: 'collections exported as they were / collections', value: whole / files().length, least: 1 },
            { what: 'entries that compare equal / entries', value: equal / read, least: 1, most: 1 },
            { what: 'entries inserted by a second import', value: anew, most: 0 },
            { what: "events outside of their own month's partition", value: elsewhere, most: 0 },
            { what: 'seconds of import, comparison and export, the start of the process included', value: first.seconds },
            { what: 'seconds of the second import and comparison', value: again.seconds },
          ],
        }
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
