/** `npm run migrate`: brings the configured database's schema up to date, and says what was done. */
import { ConfigError, readConfig } from '../shared/config.ts'
import { DirectoryLocked } from '../shared/db/lock.ts'
import { migrate } from '../shared/db/migrate.ts'
import { openPool } from '../shared/db/pool.ts'
import { migrationsDir } from './main.ts'

const run = async (): Promise<void> => {
  const opened = await openPool(readConfig(), 'login', migrationsDir)
  const client = await opened.pool.connect()
  try {
    const applied = await migrate(client, migrationsDir)
    console.log(applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`)
  } finally {
    client.release(true)
    await opened.close()
  }
}

run().catch((error: Error) => {
  console.error(error instanceof ConfigError || error instanceof DirectoryLocked ? error.message : error)
  process.exit(1)
})
