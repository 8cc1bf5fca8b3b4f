import { spawn } from 'node:child_process'
import type { Bench } from './ground.ts'

/** The loops that the suite shortens, whole; `TEST_*` name their lengths. */
const whole = [
  { file: 'test/db/isolation.server.test.ts', project: 'server', environment: { TEST_BENCH: '1' } },
  { file: 'test/analytics/rollups.test.ts', project: 'server', environment: { TEST_ROLLUP_SEEDS: '1000' } },
  { file: 'test/migration/fuzz.embedded.test.ts', project: 'embedded', environment: { TEST_FUZZ_SCHEDULES: '1000000' } },
  { file: 'test/migration/outage.server.test.ts', project: 'server', environment: { TEST_BENCH: '1' } },
]

const passes = (file: string, project: string, environment: Record<string, string>): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const args = ['vitest', 'run', '--config', 'test/vitest.config.ts', '--project', project, file, '--testTimeout', '3600000']
    spawn('npx', args, { stdio: 'inherit', env: { ...process.env, ...environment } })
      .once('error', reject)
      .once('close', code => resolve(code === 0))
  })

export const loops: Bench = {
  name: 'loops',
  about:
    'the long loops of the tests, whole: 10,000 interleaved requests, 1,000,000 orders of events of the migration, 60 s without PostgreSQL in each of its stages',
  run: async () => {
    const targets = []
    for (const { file, project, environment } of whole)
      targets.push({ what: file, value: (await passes(file, project, environment)) ? 1 : 0, least: 1 })
    return { table: [['loops', 'passed'], ...targets.map(({ what, value }) => [what, String(value)])], targets }
  },
}
