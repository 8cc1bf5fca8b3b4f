import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.ts'

/** Where the embedded database's admin key lies. */
export const adminKeyFile = (dataDir: string): string => join(dataDir, 'admin-key')

/** The platform's key: as configured, or, beside an embedded database, made once and kept in DATA_DIR. */
export const adminKeyOf = ({ adminKey, database, dataDir }: Config): string => {
  if (adminKey !== undefined) return adminKey
  if (database.kind !== 'embedded') throw new ConfigError('AGENTHUB_ADMIN_KEY: is needed without the embedded database')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const file = adminKeyFile(dataDir)
  try {
    writeFileSync(file, `aha_${randomBytes(32).toString('base64url')}`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8').trim()
}
