import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Code, statusOf } from '../../shared/errors.ts'
import { type Json, stringify } from '../../shared/json.ts'
import { ADMIN_KEY, engine } from '../support/database.ts'
import { type Chances, chances, type Operation, oddText, type Parameter, sampleOf } from '../support/fuzz.ts'
import { type Running, run } from '../support/http.ts'

const COUNT = Number(process.env.TEST_FUZZ_COUNT ?? (engine === 'server' ? 2000 : 800))
const SEED = Number(process.env.TEST_FUZZ_SEED ?? 1)

type Sent = { method: string; path: string; headers: Record<string, string>; body: string | Buffer | undefined }
type Got = { status: number; headers: IncomingHttpHeaders; text: string }

let app: Running
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
beforeAll(async () => {
  app = await run()
})
afterAll(async () => {
  agent.destroy()
  await app.stop()
})

/** Sends exactly what it is given: fetch would mend paths and headers. */
const send = ({ method, path, headers, body }: Sent): Promise<Got> =>
  new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const asked = request(app.url + path, { method, path, headers: { ...headers, ...length }, agent }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
    })
    asked.once('error', reject).end(body)
  })

type Described = { parameters?: Parameter[]; requestBody?: { content: Record<string, { schema: Operation['body'] }> } }

const operationsOf = (document: { paths: Record<string, Record<string, Described>> }): Operation[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content['application/json']?.schema,
    })),
  )

const asText = (value: Json): string => (typeof value === 'string' ? value : stringify(value))
/** The function that a path belongs to. */
const functionOf = (path: string): string => path.split('/')[1] as string
const percent = (text: string): string => encodeURIComponent(text.toWellFormed())
const BROKEN_PERCENT = ['%', '%zz', '%00', '%ED%A0%80', '%C3', '%2F', '%2e%2e', '+', '~', '*', '%F0%9F%98%80']
const HEADERS: Record<string, string[]> = {
  'if-match': ['"1"', '*', 'W/"1"', '1', '', '"1", "2"', '"99999999999999999999"', '"é"', '"'],
  'if-none-match': ['"1"', '*', 'W/"1"', '', ',', 'é'],
  'idempotency-key': ['k1', 'k2', 'k3', '', ' ', 'x'.repeat(255), 'x'.repeat(256), 'é', '"k"'],
  authorization: ['', 'Bearer', 'Bearer x', 'Basic YTpi', 'Bearer a.b.c', `Bearer ${'x'.repeat(5000)}`, `Bearer ah_AAAA_${'A'.repeat(43)}`],
  'content-type': ['', 'text/plain', 'application/json; charset=latin1', 'multipart/form-data; boundary=x', 'application/xml', 'é'],
  'x-request-id': ['mine', '', 'x'.repeat(500), 'é', '\t'],
  'x-forwarded-for': ['1.2.3.4', 'nobody', ', ,', 'é'.repeat(200)],
  traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-zz-1-1', ''],
  accept: ['text/html', 'image/png', ''],
  'content-encoding': ['gzip', 'br', 'identity'],
  'x-http-method-override': ['DELETE'],
}

const requestOf = ({ method, path, parameters, body }: Operation, chance: Chances, key: string): Sent => {
  const wild = chance.pick([0, 0, 0.03, 0.3])
  const segment = () => {
    const id = chance.idOf(functionOf(path))
    if (chance.maybe(0.7) && id !== undefined) return percent(id)
    return chance.maybe(0.2) ? chance.pick(BROKEN_PERCENT) : percent(oddText(chance).slice(0, 3000))
  }
  const query = parameters
    .filter(one => one.in === 'query' && chance.maybe(0.4))
    .map(one => `${one.name}=${percent(asText(sampleOf(one.schema, chance, wild)).slice(0, 3000))}`)
  if (chance.maybe(wild))
    query.push(chance.pick(['limit=', 'limit=0', 'limit=1e2', 'cursor=x', 'cursor=', '__proto__=1', '=', '&&', '%', 'a=%zz']))
  const headers: Record<string, string> = { authorization: `Bearer ${chance.maybe(0.1) ? ADMIN_KEY : key}` }
  if (body) headers['content-type'] = 'application/json'
  for (const { name } of parameters.filter(one => one.in === 'header' && one.required)) headers[name.toLowerCase()] = `${chance.below(1e9)}`
  for (const [name, values] of Object.entries(HEADERS)) if (chance.maybe(wild / 2 + 0.03)) headers[name] = chance.pick(values)
  const verb = chance.maybe(wild / 3)
    ? chance.pick(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'])
    : method
  return {
    method: verb,
    path: `${path.replace(/\{\w+\}/g, segment)}${query.length > 0 ? `?${query.join('&')}` : ''}`,
    headers,
    body: body || chance.maybe(wild / 3) ? bodyOf(body, chance, wild) : undefined,
  }
}

const bodyOf = (schema: Operation['body'], chance: Chances, wild: number): string | Buffer => {
  const text = stringify(sampleOf(schema ?? {}, chance, wild))
  if (!chance.maybe(wild / 3)) return text
  return chance.pick<() => string | Buffer>([
    () => text.slice(0, chance.below(text.length)),
    () => `${text}${text}`,
    () => '',
    () => Buffer.from([0xff, 0xfe, 0x00]),
    () => Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    () => `\ufeff${text}`,
    () => '['.repeat(100_000),
    () => '{"a":'.repeat(20_000),
    () => `{"name":"a","name":${text}}`,
    () => '{"name":NaN}',
    () => `{"name":"${'x'.repeat(1_100_000)}"}`,
  ])()
}

/** What is wrong with an answer, or nothing. */
const complaint = ({ method }: Sent, { status, headers, text }: Got): string | undefined => {
  if (status >= 500) return 'is an error of ours'
  if (headers['x-request-id'] === undefined) return 'has no x-request-id'
  if (status < 400 || method === 'HEAD') return undefined
  if (headers['content-type'] !== 'application/problem+json') return `is of type ${headers['content-type']}`
  const problem = JSON.parse(text)
  const { type, title, detail, code, request_id, errors } = problem
  if (statusOf[code as Code] !== status || problem.status !== status) return 'has a code of another status'
  if (type !== `urn:agenthub:problem:${code}` || !title || !detail) return 'lacks a field'
  if (request_id !== headers['x-request-id']) return 'has another request id'
  if (errors && !errors.every((one: { path?: unknown; message?: unknown }) => typeof one.path === 'string' && one.message))
    return 'has errors without path or message'
  return /\b(select(?!\/)|insert into|update .* set|pg_|zod|node_modules|at .*\.ts:)\b/i.test(detail) ? 'tells of our insides' : undefined
}

/** The ids that an answer tells. */
const idsIn = (text: string): string[] => [...text.matchAll(/"id":("(?:[^"\\]|\\.)*")/g)].map(([, id]) => JSON.parse(id as string))

test(`${COUNT} odd requests get no error of ours, and every refusal is a whole problem`, { timeout: 60_000 + COUNT * 60 }, async () => {
  const operations = operationsOf((await app.admin('GET', '/openapi.json')).body)
  const known = new Map<string, string[]>()
  const chance = chances(SEED, known)
  const seen = new Set<number>()
  let { key } = await app.organization()
  for (let n = 0; n < COUNT; n++) {
    const operation = chance.pick(operations)
    if (operation.path.endsWith('/sessions') && !chance.maybe(0.1)) continue // a login costs a third of a second by design
    const sent = requestOf(operation, chance, key)
    const got = await send(sent)
    const wrong = complaint(sent, got)
    if (wrong || app.log.some(line => line.includes('"ERROR"'))) expect.fail(report(n, wrong ?? 'is logged as an error', sent, got))
    seen.add(got.status)
    const name = functionOf(operation.path)
    if (got.status < 300) known.set(name, [...(known.get(name) ?? []), ...idsIn(got.text)].slice(-20))
    const mayHaveEnded = got.status === 204 && /\/me$|\/api-keys\//.test(operation.path)
    if (mayHaveEnded) key = (await app.organization()).key
  }
  // A fuzzer whose requests are all refused at the door tests the door alone.
  for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 415]) expect(seen).toContain(status)
})

const report = (n: number, wrong: string, { method, path, headers, body }: Sent, { status, text }: Got): string =>
  [
    `FUZZ_SEED=${SEED}, request ${n}: the answer ${wrong}`,
    `${method} ${path}`,
    JSON.stringify(headers),
    String(body),
    `-> ${status} ${text}`,
    app.log.join(''),
  ]
    .map(line => line.slice(0, 1000))
    .join('\n')
