import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../shared/db/migrate.ts'
import { databaseUrl, migrationsDir, onServer } from './global.ts'
import { startServer } from './server.ts'

const declared = new URL('../../terraform/database.tf', import.meta.url)

/** The flags that terraform/database.tf sets, by their names. Those of extensions that are not here mean nothing to PostgreSQL. */
export const deployedFlags = (): Record<string, string> => {
  const [, block = ''] = /\bdatabase_flags = \{\n(.*?)\n {2}\}/s.exec(readFileSync(declared, 'utf8')) ?? []
  return Object.fromEntries([...block.matchAll(/^ +"([\w.]+)" += "([^"]*)"/gm)].map(([, name, value]) => [name, value]))
}

export type Logged = {
  url: string
  /** All that the server has logged until now. */
  log(): Promise<string>
  stop(): Promise<void>
}

/** A migrated database on a server of its own with a deployment's flags, but that every statement is a slow one. */
export const startLogged = async (): Promise<Logged> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-logged-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  const flags = Object.entries({ ...deployedFlags(), log_min_duration_statement: '0', fsync: 'off' })
  let log = ''
  let told = () => {}
  const server = await startServer(
    join(folder, 'postgres'),
    flags.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    [],
    text => {
      log += text
      told()
    },
  )
  const url = databaseUrl(server.url, 'logged')
  await onServer(server.url, client => client.query('create database logged'))
  await onServer(url, client => migrate(client, migrationsDir))
  return {
    url,
    log: async () => {
      const end = randomUUID()
      const whole = new Promise<string>(resolve => {
        told = () => log.includes(end) && resolve(log)
      })
      await onServer(url, client => client.query(`select '${end}'`))
      return whole
    },
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
