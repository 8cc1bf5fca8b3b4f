import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './server.ts'

const installed = (): boolean => {
  try {
    execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Why no test can have a PgBouncer; undefined where it can. */
export const noPgBouncer = installed() ? undefined : 'pgbouncer is not installed'

export type PgBouncer = {
  /** The same URL, by way of this pooler. */
  url(of: string): string
  stop(): Promise<void>
}

/** A PgBouncer before a server, that hands out a connection a transaction; `settings` are lines of its configuration. */
export const startPgBouncer = async (server: string, settings: readonly string[] = []): Promise<PgBouncer> => {
  const { hostname, port: of, username, password } = new URL(server)
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-pgbouncer-'))
  chmodSync(folder, 0o755) // it runs as another user than root
  writeFileSync(join(folder, 'users'), `"${username}" "${password}"\n`)
  const lines = [
    ...['[databases]', `* = host=${hostname} port=${of}`, '[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${port}`],
    ...['unix_socket_dir =', 'auth_type = trust', `auth_file = ${folder}/users`, 'pool_mode = transaction', 'default_pool_size = 2'],
    ...settings,
  ]
  writeFileSync(join(folder, 'ini'), `${lines.join('\n')}\n`)
  const child = spawn('pgbouncer', [...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []), join(folder, 'ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await listening(child)
  return {
    url: given => Object.assign(new URL(given), { hostname: '127.0.0.1', port: String(port) }).href,
    stop: async () => {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
      rmSync(folder, { recursive: true })
    },
  }
}

/** Resolves once it takes connections. Throws with its log where it does not start. */
const listening = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.on('data', chunk => {
      log += chunk
      if (/process up/.test(log)) resolve()
    })
    child.once('exit', () => reject(new Error(log)))
  })
