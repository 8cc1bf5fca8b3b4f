import { startDrill } from '../support/drill.ts'
import type { Bench } from './ground.ts'

/** Agents in the backup, each with its event in the audit. */
const ROWS = Number(process.env.ROWS ?? 200_000)
const CHUNK = 20_000

/** How long a database of some size is away, and what it has lost: terraform/restore.sh between servers of this machine. */
export const restore: Bench = {
  name: 'restore',
  about: `terraform/restore.sh: ${ROWS} agents and their audit in a backup, a tenth as many after it by the log, a hundredth after the moment that is restored`,
  run: async () => {
    const drill = await startDrill()
    try {
      const { sql } = drill.cloud
      const admin = async (path: string, body?: object) => {
        const { status, body: answer } = await drill.deployed().call('POST', path, body)
        if (status >= 300) throw new Error(`${path} answered ${status}: ${JSON.stringify(answer)}`)
      }
      await admin('/organizations', { id: 'acme', name: 'Acme' })
      const create = async (kind: string, count: number) => {
        for (let from = 0; from < count; from += CHUNK)
          await sql(
            `insert into agents (organization_id, id, name, configuration, version, created_at, updated_at)
select 'acme', $1 || n, 'Concierge ' || n, '{"tone":"warm","language":"en"}'::jsonb, nextval('row_version'), now(), now()
from generate_series($2::int, $3::int) n`,
            [kind, from + 1, Math.min(from + CHUNK, count)],
          )
      }
      const seconds = async (work: () => Promise<unknown>): Promise<number> => {
        const start = performance.now()
        await work()
        return (performance.now() - start) / 1000
      }
      await create('backup-', ROWS)
      await admin('/jobs/seal-audit')
      const backup = await seconds(() => drill.server.backup())
      await create('log-', ROWS / 10)
      const [moment] = await sql(`select iso(clock_timestamp()) as now, pg_size_pretty(pg_database_size(current_database())) as size`)
      await create('late-', ROWS / 100)

      const { code, output } = await drill.restore(['one', 'two', '--at', String(moment?.now), '--switch'])
      if (code !== 0) throw new Error(`restore.sh ended with ${code}:\n${output}`)
      const steps = [...output.matchAll(/^== (\D.*)\n(?:(?!==).*\n)*== ([\d.]+) s$/gm)].map(([, name = '', taken = '']) => [name, taken])
      const [, whole = ''] = /^restored in ([\d.]+) s$/m.exec(output) ?? []
      const [, before = '0', after = '0'] = /^ {2}agents +(\d+) -> (\d+)$/m.exec(output) ?? []
      return {
        table: [
          [`of a database of ${moment?.size}`, 'seconds'],
          ['base backup, while it serves', backup.toFixed(1)],
          ...steps,
          ['restore.sh, whole', whole],
          ['agents before', before],
          ['agents restored', after],
        ],
        targets: [
          { what: 'rows lost that were there at the moment', value: ROWS + ROWS / 10 - Number(after), most: 0 },
          { what: 'rows of later', value: Math.max(0, Number(after) - ROWS - ROWS / 10), most: 0 },
        ],
      }
    } finally {
      await drill.stop()
    }
  },
}
