import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Sung, sendCanaries } from '../support/canary.run.ts'
import { bodiesOf, CANARY, MARK } from '../support/canary.ts'
import type { Schema } from '../support/fuzz.ts'
import { onServer } from '../support/global.ts'
import { type Logged, startLogged } from '../support/logged.ts'

let database: Logged
let sung: Sung
beforeAll(async () => {
  database = await startLogged()
  sung = await sendCanaries(database.url)
}, 300_000)
afterAll(() => database.stop())

/** Every form in which a canary or a secret could stand in a text. */
const forms = () =>
  [...sung.secrets, MARK, CANARY].flatMap(secret => [secret, Buffer.from(secret).toString('base64url'), encodeURIComponent(secret)])
const telling = (lines: string[]) => {
  const secrets = forms()
  return lines.filter(line => secrets.some(form => line.includes(form))).map(line => line.slice(0, 1500))
}

/** The fields that a schema has in any of its alternatives, and those that a value has: `messages.role`. */
const fieldsOf = ({ anyOf, oneOf, items, properties = {} }: Schema): string[] => [
  ...[...(anyOf ?? oneOf ?? []), ...(items ? [items] : [])].flatMap(fieldsOf),
  ...Object.entries(properties).flatMap(([name, one]) => [name, ...fieldsOf(one).map(inner => `${name}.${inner}`)]),
]
const fieldsIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(fieldsIn)
  return Object.entries(value).flatMap(([name, one]) => [name, ...fieldsIn(one).map(inner => `${name}.${inner}`)])
}

test('the bodies hold every field of every alternative of every route', () => {
  const bodies = (name: string) => sung.operations.filter(one => one.name === name).flatMap(bodiesOf)
  for (const { name, body } of sung.operations)
    expect([name, fieldsIn(bodies(name))]).toEqual([name, expect.arrayContaining(fieldsOf(body ?? {}))])
  const operations = bodies('post /database/batch').flatMap(body => (body as { operations: Record<string, unknown>[] }).operations)
  const changed = { table: CANARY, id: CANARY, data: { [CANARY]: CANARY } }
  const if_version = Number(MARK)
  expect(operations).toContainEqual({ op: 'create', ...changed })
  for (const op of ['replace', 'merge']) expect(operations).toContainEqual({ op, ...changed, if_version })
  expect(operations).toContainEqual({ op: 'remove', table: CANARY, id: CANARY, if_version })
  const record = { id: CANARY, data: { [CANARY]: CANARY } }
  expect(bodies('post /database/tables/:table/records')).toEqual(
    expect.arrayContaining([record, { records: [record], on_conflict: 'merge' }]),
  )
  const declared = { columns: { [CANARY]: { type: 'reference', indexed: true, references: CANARY } }, strict: true }
  expect(bodies('put /database/tables/:table')).toEqual(expect.arrayContaining([declared, { columns: { [CANARY]: 'uuid' }, strict: true }]))
  const hashed = { model: CANARY, items: [{ hash: CANARY, embedding: [Number(MARK)] }] }
  expect(bodies('put /knowledge/embeddings')).toContainEqual(hashed)
})

test('nothing that is sent, and no secret, stands in the log, the metrics or the traces of the process, whatever goes wrong', () => {
  const { statuses, unreached, quoted, lines, metrics, telemetry } = sung
  const met = new Set([...statuses.values()].flatMap(of => [...of]))
  for (const status of [200, 201, 204, 400, 401, 404, 409, 412, 415]) expect([...met]).toContain(status)
  expect([unreached.status, quoted.status, quoted.text.includes(CANARY)]).toEqual([503, 500, false])
  expect(metrics).toContain('http_request_duration_seconds')
  expect(telemetry.map(({ path }) => path)).toEqual(expect.arrayContaining(['/v1/metrics', '/v1/traces']))
  expect(lines.filter(line => line.includes('a request was not served')).length).toBeGreaterThan(300)
  // the heads of the sealed audit name their organization by design (here: by a canary that the platform chose), and nothing else
  const own = `"organization":"${CANARY}"`
  const heads = lines.filter(line => line.includes('"message":"audit head"'))
  expect(heads.some(line => line.includes(own))).toBe(true)
  const told = lines.map(line => (heads.includes(line) ? line.replace(own, '') : line))
  expect(telling([...told, ...metrics.split('\n'), ...telemetry.map(({ body }) => JSON.stringify(body))])).toEqual([])
})

/** What a session of the server's owner logs of a slow statement and of an error whose detail quotes a row; without the flags if `open`. */
const logsOf = (text: string, open: boolean) =>
  onServer(database.url, async client => {
    if (open) await client.query("set log_parameter_max_length = -1; set log_error_verbosity = 'default'")
    await client.query('create temporary table quoted (text text primary key)')
    const insert = () => client.query('insert into quoted values ($1)', [text])
    await insert()
    await expect(insert()).rejects.toMatchObject({ code: '23505', detail: `Key (text)=(${text}) already exists.` })
  })

test('nor does it stand in the log of a database with the flags of terraform/, where every statement is slow', async () => {
  await logsOf('seen without the flags', true)
  await logsOf(CANARY, false)
  const lines = (await database.log()).split('\n')
  const seen = lines.filter(line => line.includes('seen without the flags')).map(line => line.replace(/^.* (\w+: {2})/, '$1'))
  expect(seen).toEqual(expect.arrayContaining([expect.stringMatching(/^DETAIL: {2}Parameters/), expect.stringMatching(/^DETAIL: {2}Key/)]))
  expect(lines.filter(line => / ERROR: {2}/.test(line)).length).toBeGreaterThan(50)
  expect(lines.filter(line => / LOG: {2}duration: .* execute /.test(line)).length).toBeGreaterThan(1000)
  // the words of the test's own trigger, which quotes on purpose
  expect(telling(lines.filter(line => !/ ERROR: {2}the row is \(/.test(line)))).toEqual([])
})
