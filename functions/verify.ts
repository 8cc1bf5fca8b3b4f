/** `npm run verify`: whether the configured database is whole, and what it lacks beside an earlier census of it. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '../shared/config.ts'
import { makeDatabase } from '../shared/db/database.ts'
import { DirectoryLocked } from '../shared/db/lock.ts'
import { openPool } from '../shared/db/pool.ts'
import type { Scope } from '../shared/db/scope.ts'
import { PLATFORM } from '../shared/http/credentials.ts'
import { openObjects } from '../shared/objects/open.ts'
import { makeLog } from '../shared/observe/log.ts'
import { makeMetrics } from '../shared/observe/metrics.ts'
import { postgresBlocks } from './audit/blocks.postgres.ts'
import { postgresCensus } from './audit/census.postgres.ts'
import { type Census, reportOf, takeCensus } from './audit/census.ts'
import { headsIn } from './audit/heads.ts'
import { migrationsDir } from './main.ts'

const USAGE = `npm run verify -- [options]

  --against FILE     compares with what an earlier run printed
  --skip-versions N  first lets N versions fall, so that none that was given out before a restore is given out again
Prints the census as JSON, and what it means on stderr. Needs a login with agenthub_jobs; heads of the audit are looked for in
AUDIT_HEAD_BUCKET. Exits with 1 when the audit is broken, with 2 for a mistake in the arguments.`

/** Counting may take its time. */
const STATEMENT_TIMEOUT_MS = 600_000

class ArgumentMistake extends Error {}

const argumentsOf = () => {
  try {
    const { values } = parseArgs({ options: { against: { type: 'string' }, 'skip-versions': { type: 'string', default: '0' } } })
    if (!/^\d{1,8}$/.test(values['skip-versions'])) throw new Error('--skip-versions: must be a number of up to 8 digits')
    return { against: values.against, skipped: Number(values['skip-versions']) }
  } catch (error) {
    throw new ArgumentMistake((error as Error).message)
  }
}

const run = async (): Promise<boolean> => {
  const { against, skipped } = argumentsOf()
  const before = against === undefined ? undefined : (JSON.parse(readFileSync(against, 'utf8')) as Census)
  const given = readConfig()
  const config = { ...given, pool: { ...given.pool, statementTimeout: STATEMENT_TIMEOUT_MS } }
  const { pool, renew, close } = await openPool(config, 'agenthub_jobs', migrationsDir)
  try {
    const log = makeLog('error', undefined, line => process.stderr.write(line))
    const db = makeDatabase(pool, { ...config.pool, log, metrics: makeMetrics(log), renew })
    const scope: Scope = { organization_id: PLATFORM, caller: { kind: 'jobs', actor: 'verify' }, context: { request_id: 'verify' } }
    const store = postgresCensus(db)
    if (skipped > 0) await store.skipVersions(scope, skipped)
    const census = await takeCensus(store, postgresBlocks(db), headsIn(openObjects(config.auditHeads)), scope)
    const { lines, whole } = reportOf(census, before)
    console.error(lines.join('\n'))
    console.log(JSON.stringify(census))
    return whole
  } finally {
    await close()
  }
}

run().then(
  whole => process.exit(whole ? 0 : 1),
  (error: Error) => {
    if (error instanceof ArgumentMistake) console.error(`${error.message}\n\n${USAGE}`)
    else console.error([ConfigError, DirectoryLocked].some(kind => error instanceof kind) ? error.message : error.stack)
    process.exit(error instanceof ArgumentMistake ? 2 : 1)
  },
)
