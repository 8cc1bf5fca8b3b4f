import { fileURLToPath } from 'node:url'
import type { Access } from '../../shared/http/route.ts'
import { bundleTo } from './bundle.ts'
import { CANARY, canariesOf } from './canary.ts'
import { ADMIN_KEY } from './database.ts'
import { requestFor } from './everyroute.ts'
import { type Made, makeOne } from './examples.ts'
import { onServer } from './global.ts'
import { startGoogle } from './google.ts'
import { type Operation, operationsOf } from './operations.ts'
import { type Program, startProgram } from './program.ts'
import { type Got, rawClient, type Sent } from './raw.ts'

const PASSWORD = `password ${CANARY}`
const SECRETS = { STRIPE_API_KEY: 'sk_test_kept_out_of_every_log', STRIPE_WEBHOOK_SECRET: 'whsec_kept_out_of_every_log' }
const json = { 'content-type': 'application/json' }

/** What came of sending the canary in every field of every route of a process, whatever went wrong. */
export type Sung = {
  operations: Operation[]
  /** Statuses of the answers, by the operation's name. */
  statuses: Map<string, Set<number>>
  secrets: string[]
  /** What the process printed, its metrics, and its telemetry. */
  lines: string[]
  metrics: string
  telemetry: { path: string; body: unknown }[]
  /** The answers to a provider that cannot be reached, and to a database that quotes a row in its error. */
  unreached: Got
  quoted: Got
}

/** An error of the server whose words quote the row that it is about. */
const QUOTING = `create function quote_row() returns trigger language plpgsql as $$ begin raise 'the row is %', new; end $$;
create trigger quoting before insert on agents for each row execute function quote_row()`

const start = async (database: string, environment: Record<string, string>): Promise<Program> => {
  const folder = await bundleTo('dist/canary', ['functions/start'])
  return startProgram(fileURLToPath(new URL('../..', import.meta.url)), ['--enable-source-maps', `${folder}/functions/start.js`], {
    ...{ DATABASE_URL: database, AGENTHUB_ADMIN_KEY: ADMIN_KEY, PORT: '0', LOG_LEVEL: 'debug', RATE_LIMIT_PER_MINUTE: '0' },
    ...{ STRIPE_API_URL: 'http://127.0.0.1:1', ...SECRETS, ...environment },
  })
}

type Send = (token: string, sent: Sent) => Promise<Got>

/** A new organization whose every record holds the canary; what is secret of it is noted. */
const organization = async (as: Send, secrets: string[]): Promise<{ key: string; session: string; made: Made }> => {
  const call = async (token: string, method: string, path: string, given?: unknown, headers = {}) => {
    const body = given === undefined ? undefined : JSON.stringify(given)
    const { status, text } = await as(token, { method, path, headers: { ...(body && json), ...headers }, body })
    return { status, text, headers: new Headers(), body: text === '' ? undefined : JSON.parse(text) }
  }
  const { api_key } = (await call(ADMIN_KEY, 'POST', '/organizations', { name: CANARY })).body
  const key = api_key.secret as string
  const mark = `${CANARY}-${secrets.length}`
  const made = await makeOne((...asked) => call(key, ...asked), mark)
  const login = { email: `${mark}@login.example`, password: PASSWORD }
  await call(key, 'POST', '/organizations/users', { ...login, role: 'owner' })
  const session = (await call('x', 'POST', '/organizations/sessions', login)).body.token as string
  secrets.push(key, session)
  return { key, session, made }
}

/** What removes is sent after what reads and writes, then what moves a collection, and the organization goes last. */
const rank = ({ method, path }: Operation): number => {
  if (path.endsWith('/me')) return 3
  if (path.startsWith('/migration/')) return 2
  return method === 'DELETE' || path.endsWith('/delete') ? 1 : 0
}
/** What lies in another is removed before it. */
const inOrder = (a: Operation, b: Operation): number => rank(a) - rank(b) || (rank(a) === 1 ? b.path.length - a.path.length : 0)

/** Sends the canary everywhere to a process over `database`, and ends it. */
export const sendCanaries = async (database: string): Promise<Sung> => {
  const google = await startGoogle()
  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${google.environment.GCE_METADATA_HOST}`, OTEL_TRACES_SAMPLER_ARG: '1' }
  const program = await start(database, { ...telemetry, ...google.environment })
  const [url] = await program.printed(/http:\/\/127\.0\.0\.1:\d+/)
  const client = rawClient(url, 4)
  try {
    const as: Send = (token, sent) => client.send({ ...sent, headers: { authorization: `Bearer ${token}`, ...sent.headers } })
    const operations = operationsOf(JSON.parse((await client.send({ method: 'GET', path: '/openapi.json', headers: {} })).text))
    const secrets = [ADMIN_KEY, ...Object.values(SECRETS)]
    const { key, session, made } = await organization(as, secrets)
    const tokens: Partial<Record<Access, string>> = { platform: ADMIN_KEY, public: `x${CANARY}` }
    const statuses = new Map<string, Set<number>>()
    const each = async (of: Operation[]) => {
      for (const operation of of.toSorted(inOrder)) {
        const known = requestFor(operation, made)
        const there = operation.path.startsWith('/migration/') ? { ...known, path: known.path.replace('/nobody', '/agents') } : known
        const token = tokens[operation.role] ?? (operation.path.endsWith('/sessions/current') ? session : key)
        for (const sent of canariesOf(operation, there)) {
          const { status } = await as(token, sent)
          statuses.set(operation.name, (statuses.get(operation.name) ?? new Set()).add(status))
        }
      }
    }
    await each(operations.filter(one => rank(one) < 2))
    const post = (path: string, body: string) =>
      as(key, { method: 'POST', path, headers: { ...json, 'idempotency-key': `${CANARY} ${path}` }, body })
    const { id } = JSON.parse((await post('/payments/intents', `{"amount":5,"currency":"usd","metadata":{"card":"${CANARY}"}}`)).text)
    await onServer(database, sql => sql.query(`update payment_intents set provider = 'stripe' where id = $1`, [id]))
    const unreached = await post(`/payments/intents/${id}/confirm`, '{}')
    await onServer(database, sql => sql.query(QUOTING))
    const quoted = await post('/agents', `{"name":"${CANARY}"}`)
    await each(operations.filter(one => rank(one) >= 2))
    const metrics = (await as(ADMIN_KEY, { method: 'GET', path: '/metrics', headers: {} })).text
    program.kill('SIGTERM')
    await program.ended
    return { operations, statuses, secrets, lines: program.output().split('\n'), metrics, telemetry: google.telemetry, unreached, quoted }
  } finally {
    client.close()
    program.kill('SIGKILL')
    await program.ended
    await google.stop()
  }
}
