import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { type Holder, holdLocks } from '../support/locks.ts'
import { type Quick, startQuick } from '../support/quick.ts'
import { randomOf } from '../support/random.ts'
import { type Asked, increment, kinds, makeTenant, marksIn, type Tenant } from '../support/tenants.ts'

/** All ten thousand with BENCH=1; the suite has no time for them. */
const REQUESTS = process.env.TEST_BENCH ? 10_000 : 3_000
const TENANTS = 50
const AT_ONCE = 32
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)

/** One request in so many: abandoned by its caller, made beside the end of a backend, held until its time-out. */
const [ABORTED, KILLED, HELD] = [30, 150, 400]

let app: Running
let holder: Holder
let quick: Quick
let tenants: Tenant[]
beforeAll(async () => {
  app = await run({ DB_POOL_SIZE: '4', DB_STATEMENT_TIMEOUT_MS: '250' })
  quick = await startQuick(app.shared)
  tenants = []
  for (let n = 0; n < TENANTS; n++) tenants.push(await makeTenant(app, n))
  holder = await holdLocks(app.database)
})
afterAll(async () => {
  await quick.stop()
  await holder.close()
  await app.stop()
})

const answered: Record<string, number> = {}
const count = (what: string | number) => {
  answered[what] = (answered[what] ?? 0) + 1
}

/** Sends a request; undefined when its caller left before the answer, `patience` turns of the event loop after asking. */
const send = async (own: Tenant, { method, path, body, headers, token = own.owner }: Asked, patience?: number) => {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const sized = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  const options = { method, path, headers: { authorization: `Bearer ${token}`, ...sized, ...headers } }
  if (patience === undefined) return quick.send(options, text)
  let leave = () => {}
  const asking = quick.send(options, text, how => {
    leave = how
  })
  for (let turn = 0; turn < patience; turn++) await new Promise(setImmediate)
  leave()
  return asking
}

/** Throws unless the answer is one that may be, and holds no mark but its asker's; keeps the ids of what was made. */
const check = (own: Tenant, kind: string, asked: Asked, answer: { status: number; text: string } | undefined) => {
  count(answer?.status ?? 'aborted')
  if (kind === 'increment') {
    if (answer?.status === 200) own.counted++
    else own.uncertain++
  }
  if (answer === undefined) return
  const { status, text } = answer
  if (![...asked.expects, 503].includes(status)) throw new Error(`${kind} of ${own.mark} answered ${status}: ${text}`)
  for (const mark of marksIn(text)) if (mark !== own.mark) throw new Error(`${kind} of ${own.mark} was shown ${mark}: ${text}`)
  if (status === 200 && kind === 'read' && !text.includes(own.mark)) throw new Error(`${kind} of ${own.mark} was shown ${text}`)
  if (status !== 201) return
  if (asked.path === '/agents') own.agents.push(JSON.parse(text).id)
  if (asked.path === '/conversations') own.conversations.push(JSON.parse(text).id)
}

let holding: Promise<unknown> = Promise.resolve()

/** A change of a counter that somebody holds, until Postgres ends it. */
const held = (own: Tenant): Promise<void> => {
  const work = async () => {
    await holder.sql('begin')
    await holder.sql('select from organizations where id = $1 for update', [`org-${own.mark}`])
    const asked: Asked = { method: 'PATCH', path: '/organizations/me', body: { name: own.mark }, expects: [] }
    check(own, 'held', asked, await send(own, asked))
    await holder.sql('rollback')
  }
  const done = holding.then(work)
  holding = done.catch(() => {})
  return done
}

const names = Object.keys(kinds)

const request = async (n: number): Promise<void> => {
  const random = randomOf(SEED * 100_000 + n)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const own = pick(tenants)
  if (n % HELD === HELD - 1) return held(own)
  if (n % KILLED === KILLED - 1) {
    const backends = await holder.backends()
    await holder.sql('select pg_terminate_backend($1)', [pick(backends)])
  }
  const other = pick(tenants.filter(one => one !== own))
  const kind = pick([...names, 'increment', 'increment', 'read', 'read', 'list'])
  const asked = kind === 'increment' ? increment(own, other, pick, n) : (kinds[kind] as typeof increment)(own, other, pick, n)
  check(own, kind, asked, await send(own, asked, n % ABORTED === 0 ? Math.floor(random() * 12) : undefined))
}

test(`${REQUESTS} requests of ${TENANTS} organizations over 4 connections, among failures, never meet (seed ${SEED})`, async () => {
  let next = 0
  const work = async () => {
    while (next < REQUESTS) await request(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (process.env.TEST_BENCH) process.stdout.write(`${JSON.stringify(answered)}\n`)
  for (const what of [200, 201, 204, 400, 401, 403, 404, 409, 412, 503, 'aborted'])
    expect([what, answered[what] ?? 0]).not.toEqual([what, 0])
  expect(answered[503]).toBeGreaterThanOrEqual(Math.floor(REQUESTS / HELD))
})

test(`what is left in the database belongs to whom it says (seed ${SEED})`, async () => {
  const tables = await app.database.sql<{ name: string }>(`select c.oid::regclass::text as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid where c.relkind in ('r', 'p') and not c.relispartition
    and a.attname = 'organization_id' and c.relnamespace = 'public'::regnamespace`)
  const marked: string[] = []
  for (const { name } of tables) {
    const rows = await app.database.sql<{ organization_id: string; text: string }>(`select organization_id, t::text as text from ${name} t`)
    for (const { organization_id, text } of rows) {
      const marks = [...marksIn(organization_id + text)]
      expect([name, marks.filter(mark => `org-${mark}` !== organization_id)]).toEqual([name, []])
      if (marks.length > 0 && !marked.includes(name)) marked.push(name)
    }
  }
  expect(marked).toEqual(
    expect.arrayContaining(['agents', 'api_keys', 'audit_events', 'conversations', 'counters', 'idempotency_keys', 'messages', 'users']),
  )
})

test(`every counter holds what was acknowledged, and nothing that was not asked (seed ${SEED})`, async () => {
  const rows = await app.database.sql<{ id: string; value: string }>('select id, value from counters')
  const values = new Map(rows.map(({ id, value }) => [id, Number(value)]))
  for (const { mark, counted, uncertain } of tenants) {
    expect([mark, (values.get(mark) ?? 0) >= counted]).toEqual([mark, true])
    expect([mark, (values.get(mark) ?? 0) <= counted + uncertain]).toEqual([mark, true])
  }
  expect(tenants.reduce((sum, { counted }) => sum + counted, 0)).toBeGreaterThan(REQUESTS / 100)
})
