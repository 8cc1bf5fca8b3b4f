import { fileURLToPath } from 'node:url'
import { migrate } from '../../shared/db/migrate.ts'
import { bundleTo } from '../support/bundle.ts'
import { type Child, startChild } from '../support/children.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import type { Found } from './report.ts'

export const ADMIN_KEY = 'admin-key-of-the-benches-0123456789abcdef'
const root = fileURLToPath(new URL('../..', import.meta.url))
export const outdir = `${root}dist/bench`

/** What a bench stands on: a migrated database of its own, and servers in processes of their own. */
export type Ground = {
  database: string
  /** Runs SQL as whoever owns the server. */
  sql(text: string, values?: unknown[]): Promise<void>
  /** A bundled script, by its path from the root without extension; `gateway` is what `npm start` runs. */
  serve(script: string, environment?: Record<string, string>): Promise<Child>
  /** A new organization: its id and its owner's key. */
  organization(gateway: Child, id: string): Promise<{ id: string; key: string }>
  /** A new agent of the key's organization: its path and its JSON. */
  agent(gateway: Child, key: string): Promise<{ path: string; json: string }>
  /** Calls with that key: the text of the answer. Throws when it is no 2xx. */
  call(gateway: Child, key: string): (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<string>
}

export type Bench = {
  name: string
  about: string
  /** What it needs and does not find here, in words. */
  lacks?(server: string): Promise<string | undefined>
  run(ground: Ground): Promise<Found>
}

export const gateway = 'functions/start'
const scripts = [
  gateway,
  'functions/import',
  'test/bench/children/constant',
  'test/bench/children/unscoped',
  'test/bench/children/payer',
  'test/bench/children/loader',
  'test/support/delay',
  'test/bench/children/openloop',
  'test/bench/children/watched',
  'test/cache/child',
  'test/faults/clock',
]

/** Bundles the servers as `npm run build` does. */
export const bundle = async (): Promise<void> => void (await bundleTo('dist/bench', scripts))

/** Leaves a bench's database for the next run, which begins on what is there. */
const KEEP = process.env.BENCH_KEEP === '1'

/** Flags of Node for the servers, and not for the load: `--cpu-prof --cpu-prof-dir=DIR`, which Node 20 does not take by NODE_OPTIONS. */
const FLAGS = process.env.BENCH_NODE_FLAGS?.split(' ').filter(flag => flag !== '') ?? []

const exists = (server: string, database: string): Promise<boolean> =>
  onServer(server, async client => (await client.query('select from pg_database where datname = $1', [database])).rowCount === 1)

/** Runs a bench on a database of its own on `server`; nothing of it is left behind, but with BENCH_KEEP=1. */
export const onGround = async (server: string, { name, run }: Bench): Promise<Found> => {
  const databaseName = KEEP ? `bench_${name}` : `bench_${name}_${process.pid}`
  if (!(KEEP && (await exists(server, databaseName)))) await onServer(server, client => client.query(`create database ${databaseName}`))
  const database = databaseUrl(server, databaseName)
  const children: Child[] = []
  try {
    await onServer(database, client => migrate(client, migrationsDir))
    return await run({
      database,
      sql: (text, values) => onServer(database, async client => void (await client.query(text, values))),
      serve: async (script, environment = {}) => {
        const child = await startChild([...FLAGS, '--enable-source-maps', `${outdir}/${script}.js`], {
          ...environmentOf(database),
          ...environment,
        })
        children.push(child)
        return child
      },
      organization,
      agent,
      call,
    })
  } finally {
    for (const child of children) await child.stop()
    if (!KEEP) await onServer(server, client => client.query(`drop database ${databaseName} with (force)`))
  }
}

/** As in production, with a rate limit that is counted but never reached. */
export const environmentOf = (database: string): Record<string, string> => ({
  DATABASE_URL: database,
  AGENTHUB_ADMIN_KEY: ADMIN_KEY,
  FUNCTION_TARGET: 'gateway',
  PORT: '0',
  LOG_LEVEL: 'warning',
  RATE_LIMIT_PER_MINUTE: '1000000',
})

/** An agent as one is, about 400 bytes on the wire. */
export const AGENT = JSON.stringify({
  name: 'Concierge',
  industry: 'hospitality',
  description: 'Answers guests',
  configuration: { tone: 'warm', language: 'en', temperature: 0.2 },
})

const call: Ground['call'] =
  ({ url }, token) =>
  async (method, path, body, more = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...more }
    const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text
  }

/** Runs the job that refreshes the reports. Where it fails, its run says why. */
export const refreshReports = async (gateway: Child): Promise<string> => {
  const asking = call(gateway, ADMIN_KEY)
  return asking('POST', '/jobs/refresh-reports').catch(async (error: Error) => {
    throw new Error(`${error.message}: ${await asking('GET', '/jobs/runs?limit=1')}`)
  })
}

const organization = async (gateway: Child, id: string): Promise<{ id: string; key: string }> => {
  const made = JSON.parse(await call(gateway, ADMIN_KEY)('POST', '/organizations', { id, name: id }))
  return { id, key: made.api_key.secret }
}

const agent = async (gateway: Child, key: string): Promise<{ path: string; json: string }> => {
  const json = await call(gateway, key)('POST', '/agents', JSON.parse(AGENT))
  return { path: `/agents/${JSON.parse(json).id}`, json }
}
