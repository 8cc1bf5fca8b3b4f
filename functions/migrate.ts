/** `npm run migrate`: brings the configured database's schema up to date, and says what was done. */
import { ConfigError, readConfig } from '../shared/config.ts'
import { bringUp } from '../shared/db/bringup.ts'
import { DirectoryLocked } from '../shared/db/lock.ts'
import { migrationsDir } from './main.ts'

const run = async (): Promise<void> => {
  const applied = await bringUp(readConfig(), migrationsDir)
  console.log(applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`)
}

run().catch((error: Error) => {
  console.error(error instanceof ConfigError || error instanceof DirectoryLocked ? error.message : error)
  process.exit(1)
})
