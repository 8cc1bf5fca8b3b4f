import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '../../shared/db/migrate.ts'
import { databaseUrl, migrationsDir, onServer } from './global.ts'
import { type Google, startGoogle } from './google.ts'
import { type Instance, startInstance } from './instance.ts'
import { buildProgram, type Program, startProgram } from './program.ts'
import { type Server, startServer } from './server.ts'

const ADMIN_KEY = 'admin-key-of-the-cloud-0123456789abcdef'
export const IAM_LOGIN = 'functions@p.iam'
export const PASSWORD_LOGIN = 'functions'

/** Google's cloud as a function meets it: an instance in front of a migrated database, the APIs around it, and the built program. */
export type Cloud = {
  google: Google
  instance: Instance
  /** Where the program is built. */
  folder: string
  /** Another instance, in front of another server with the same database. */
  addInstance(name: string, server: string): Promise<Instance>
  /** Runs SQL as whoever owns the server, past the instance. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** A script of the program (`start`, `migrate`) over the instance, told by its environment alone. */
  run(script: string, environment?: Record<string, string>): Program
  /** `start`, once it serves. */
  start(environment?: Record<string, string>): Promise<Deployed>
  stop(): Promise<void>
}

/** One of its processes, called with the platform's key unless another is given. */
export type Deployed = {
  program: Program
  call(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }>
  stop(): Promise<void>
}

const connectionName = (name: string) => `p:europe-west1:${name}`

/** The instance is `one`, of the project `p` in europe-west1; `serve` starts a server whose data are in a folder. */
export const startCloud = async (serve: (data: string) => Promise<Server> = startServer): Promise<Cloud> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-cloud-'))
  chmodSync(folder, 0o755) // the server runs as another user than root
  const data = join(folder, 'postgres')
  const server = await serve(data)
  const url = databaseUrl(server.url, 'agenthub')
  const hba = join(data, 'pg_hba.conf')
  // the instance has proved who an IAM login is: nobody else reaches the server
  writeFileSync(hba, `host all "${IAM_LOGIN}" 127.0.0.1/32 trust\n${readFileSync(hba, 'utf8')}`)
  await onServer(server.url, client => client.query('create database agenthub'))
  await onServer(url, async client => {
    await migrate(client, migrationsDir)
    for (const login of [IAM_LOGIN, PASSWORD_LOGIN]) {
      await client.query(`create role "${login}" login password 'first'`)
      await client.query(`grant agenthub_app, agenthub_jobs to "${login}" with set true`)
    }
    await client.query('select pg_reload_conf()')
  })
  const instances: Instance[] = []
  const addInstance = async (name: string, at: string) => {
    const instance = await startInstance(databaseUrl(at, 'agenthub'), connectionName(name))
    instances.push(instance)
    return instance
  }
  const instance = await addInstance('one', server.url)
  const google = await startGoogle(instances)
  const built = await buildProgram()
  const run = (script: string, environment: Record<string, string> = {}) =>
    startProgram(built.folder, ['--enable-source-maps', `dist/${script}.js`], {
      ...google.environment,
      INSTANCE_CONNECTION_NAME: connectionName('one'),
      DB_USER: IAM_LOGIN,
      AGENTHUB_ADMIN_KEY: ADMIN_KEY,
      PORT: '0',
      HOME: built.folder,
      ...environment,
    })
  return {
    google,
    instance,
    folder: built.folder,
    addInstance,
    sql: async (text, values) => (await onServer(url, client => client.query(text, values))).rows,
    run,
    start: environment => served(run('start', environment)),
    stop: async () => {
      built.remove()
      await google.stop()
      for (const one of instances) await one.stop()
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const served = async (program: Program): Promise<Deployed> => {
  const [, url = ''] = await program.printed(/ready at (\S+)/)
  return {
    program,
    call: async (method, path, body, key = ADMIN_KEY) => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      return { status: response.status, body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text }
    },
    stop: async () => {
      program.kill('SIGTERM')
      await program.ended
    },
  }
}
