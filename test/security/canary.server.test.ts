import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleTo } from '../support/bundle.ts'
import { CANARY, canariesOf } from '../support/canary.ts'
import { ADMIN_KEY, makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { requestFor } from '../support/everyroute.ts'
import { type Made, makeOne } from '../support/examples.ts'
import { type Google, startGoogle } from '../support/google.ts'
import { type Operation, operationsOf } from '../support/operations.ts'
import { type Program, startProgram } from '../support/program.ts'
import { type Got, rawClient, type Sent } from '../support/raw.ts'

const PASSWORD = `password ${CANARY}`
const SECRETS = { STRIPE_API_KEY: 'sk_test_kept_out_of_every_log', STRIPE_WEBHOOK_SECRET: 'whsec_kept_out_of_every_log' }

let google: Google
let database: TestDatabase
let program: Program
let client: ReturnType<typeof rawClient>
let operations: Operation[]
const secrets: string[] = [ADMIN_KEY, ...Object.values(SECRETS), CANARY]

beforeAll(async () => {
  google = await startGoogle()
  database = await makeTestDatabase()
  const folder = await bundleTo('dist/canary', ['functions/start'])
  program = startProgram(fileURLToPath(new URL('../..', import.meta.url)), ['--enable-source-maps', `${folder}/functions/start.js`], {
    ...{ DATABASE_URL: database.url as string, AGENTHUB_ADMIN_KEY: ADMIN_KEY, PORT: '0', LOG_LEVEL: 'debug', RATE_LIMIT_PER_MINUTE: '0' },
    ...{
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${google.environment.GCE_METADATA_HOST}`,
      OTEL_TRACES_SAMPLER_ARG: '1',
      ...google.environment,
    },
    ...{ STRIPE_API_URL: 'http://127.0.0.1:1', ...SECRETS },
  })
  const [url] = await program.printed(/http:\/\/127\.0\.0\.1:\d+/)
  client = rawClient(url, 4)
  operations = operationsOf(JSON.parse((await client.send({ method: 'GET', path: '/openapi.json', headers: {} })).text))
})
afterAll(async () => {
  client.close()
  program.kill('SIGKILL')
  await program.ended
  await google.stop()
  await database.drop()
})

const as = (token: string, sent: Sent): Promise<Got> =>
  client.send({ ...sent, headers: { authorization: `Bearer ${token}`, ...sent.headers } })

/** A new organization whose every record holds the canary; what is secret of it is noted. */
const organization = async (): Promise<{ key: string; made: Made }> => {
  const call = async (token: string, method: string, path: string, body?: unknown, headers = {}) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const { status, text } = await as(token, {
      method,
      path,
      headers: { ...json, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    return { status, text, headers: new Headers(), body: text === '' ? undefined : JSON.parse(text) }
  }
  const { api_key } = (await call(ADMIN_KEY, 'POST', '/organizations', { name: CANARY })).body
  const key = api_key.secret as string
  const mark = `${CANARY}-${secrets.length}`
  const made = await makeOne((...asked) => call(key, ...asked), mark)
  secrets.push(key)
  const user = { email: `${mark}@login.example`, password: PASSWORD, role: 'owner' }
  await call(key, 'POST', '/organizations/users', user)
  secrets.push((await call('x', 'POST', '/organizations/sessions', user)).body.token ?? CANARY)
  return { key, made }
}

/** An error of the server whose words quote the row that it is about. */
const QUOTING = `create function quote_row() returns trigger language plpgsql as $$ begin raise 'the row is %', new; end $$;
create trigger quoting before insert on agents for each row execute function quote_row()`

const json = { 'content-type': 'application/json' }

test('nothing that is sent, and no secret, stands in the log, the metrics or the traces of the process, whatever goes wrong', {
  timeout: 180_000,
}, async () => {
  const last = (one: Operation) => Number(/\/me$/.test(one.path))
  const statuses = new Set<number>()
  const { key, made } = await organization()
  const all = operations.toSorted((a, b) => last(a) - last(b))
  const each = async (of: Operation[]) => {
    for (const operation of of)
      for (const sent of canariesOf(operation, requestFor(operation, made))) {
        const token = operation.role === 'platform' ? ADMIN_KEY : operation.path.endsWith('/sessions') ? `x${CANARY}` : key
        statuses.add((await as(token, sent)).status)
      }
  }
  await each(all.filter(one => !last(one)))
  const post = (path: string, body: string) =>
    as(key, { method: 'POST', path, headers: { ...json, 'idempotency-key': `${CANARY} ${path}` }, body })
  // a provider that cannot be reached, and a database that tells more than it should
  const { id } = JSON.parse((await post('/payments/intents', `{"amount":5,"currency":"usd","metadata":{"card":"${CANARY}"}}`)).text)
  await database.sql(`update payment_intents set provider = 'stripe' where id = $1`, [id])
  expect((await post(`/payments/intents/${id}/confirm`, '{}')).status).toBe(503)
  await database.sql(QUOTING)
  const refused = await post('/agents', `{"name":"${CANARY}"}`)
  expect([refused.status, refused.text.includes(CANARY)]).toEqual([500, false])
  await each(all.filter(last))
  for (const status of [200, 201, 204, 400, 401, 404, 409, 412, 415]) expect([...statuses]).toContain(status)

  const metrics = await as(ADMIN_KEY, { method: 'GET', path: '/metrics', headers: {} })
  expect(metrics.text).toContain('http_request_duration_seconds')
  program.kill('SIGTERM')
  await program.ended
  expect(google.telemetry.map(({ path }) => path)).toEqual(expect.arrayContaining(['/v1/metrics', '/v1/traces']))
  const lines = program.output().split('\n')
  expect(lines.filter(line => line.includes('a request was not served')).length).toBeGreaterThan(300)
  const outputs = [...lines, ...metrics.text.split('\n'), ...google.telemetry.map(({ body }) => JSON.stringify(body))]
  const forms = secrets.flatMap(secret => [secret, Buffer.from(secret).toString('base64url'), encodeURIComponent(secret)])
  // the heads of the sealed audit stand in the log by design, and name their organization (here: by a canary that the platform chose)
  const told = outputs.filter(line => !line.includes('"message":"audit head"') && forms.some(form => line.includes(form)))
  expect(told.map(line => line.slice(0, 1500))).toEqual([])
})
