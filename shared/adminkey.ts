import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.ts'
import type { Log } from './observe/log.ts'
import { openSecret, type Secret } from './secrets.ts'

/** Where the embedded database's admin key lies. */
export const adminKeyFile = (dataDir: string): string => join(dataDir, 'admin-key')

/** The platform's key as this process begins with it: configured, or a secret's, or, beside an embedded database, made once and kept in DATA_DIR. */
export const adminKeyOf = async ({ adminKey, adminKeySecret, secrets, database, dataDir }: Config): Promise<string> => {
  if (adminKey !== undefined) return adminKey
  if (adminKeySecret !== undefined) return openSecret(adminKeySecret, secrets).read()
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

/** Whether a token is the admin key. */
export type IsAdmin = (token: string) => boolean | Promise<boolean>

/** How long a key that was read is believed, and how soon it is read again for a token that is another. */
const BELIEVED_MS = 60_000
const PAUSE_MS = 5_000

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

/**
 * Knows the admin key. With a `secret` it is the newest version of that: a key that was rotated in is taken at once, the old one for
 * a minute more at most, or for as long as Secret Manager does not answer. (By a clock that nobody sets back.)
 */
export const makeIsAdmin = (first: string, secret: Secret | undefined, log: Log, now: () => number = () => performance.now()): IsAdmin => {
  let key = digest(first)
  let believedUntil = now() + BELIEVED_MS
  let notBefore = Number.NEGATIVE_INFINITY
  const isKey = (token: string) => timingSafeEqual(digest(token), key)
  if (!secret) return isKey
  const renew = async (): Promise<void> => {
    believedUntil = now() + BELIEVED_MS
    notBefore = now() + PAUSE_MS
    try {
      key = digest(await secret.renew())
    } catch (error) {
      log('warning', 'the admin key cannot be read: the last one stays', { error })
    }
  }
  return async token => {
    if (now() > (isKey(token) ? believedUntil : notBefore)) await renew()
    return isKey(token)
  }
}
