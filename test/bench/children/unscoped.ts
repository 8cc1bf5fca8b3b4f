/**
 * The gateway without tenant scope: reads send their data statement alone, as a role that row-level security does not bind.
 * Everything else, the hash of the API key included, is the gateway's.
 */
import { assemble, migrationsDir } from '../../../functions/main.ts'
import { readConfig } from '../../../shared/config.ts'
import type { Columns } from '../../../shared/db/batch.ts'
import { openPool } from '../../../shared/db/pool.ts'
import { makeLog } from '../../../shared/observe/log.ts'
import { shareOver } from '../../../shared/shared.ts'
import { serveAlone } from './serving.ts'

const config = readConfig()
const opened = await openPool(config, 'login', migrationsDir)
const shared = await shareOver(config, config.adminKey as string, opened, makeLog(config.logLevel, undefined))
const { db } = shared
const unscoped: typeof db = {
  ...db,
  read: (_, ...statements) => db.session(async run => (await run(statements)).at(-1) as Columns[]),
}
serveAlone((await assemble('gateway', { ...shared, db: unscoped })).serve)
