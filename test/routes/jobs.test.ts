import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { measured } from '../support/metrics.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const jobs = () => app.functions.find(({ name }) => name === 'jobs')?.routes.filter(({ method }) => method === 'post') ?? []
const count = async (text: string) => Number((await app.database.sql<{ n: string }>(`select count(*) as n from ${text}`))[0]?.n)

test('every job answers its run, again and again, and the runs are listed, newest first', async () => {
  const ids: string[] = []
  for (const { path } of [...jobs(), ...jobs()]) {
    const { status, body } = await app.admin('POST', `/jobs${path}`)
    expect([status, body]).toMatchObject([200, { name: path.slice(1), outcome: 'succeeded', rows: expect.any(Number), error: null }])
    expect(Date.parse(body.finished_at)).toBeGreaterThanOrEqual(Date.parse(body.started_at))
    ids.unshift(body.id)
  }
  expect(ids.length).toBeGreaterThan(3)
  const { body } = await app.admin('GET', '/jobs/runs')
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual(ids)
  const first = (await app.admin('GET', '/jobs/runs?limit=1')).body
  expect((await app.admin('GET', `/jobs/runs?limit=200&cursor=${first.next_cursor}`)).body.items).toEqual(body.items.slice(1))
  const purges = (await app.admin('GET', '/jobs/runs?name=purge-expired&outcome=succeeded')).body.items
  expect(purges.map(({ name }: { name: string }) => name)).toEqual(['purge-expired', 'purge-expired'])
  expect(await measured(app.shared.metrics, 'job_duration_seconds_count', 'job="purge-expired",outcome="succeeded"')).toBe(2)
})

test('jobs are for the platform alone', async () => {
  const { call } = await app.organization()
  for (const [method, path] of [
    ['POST', '/jobs/purge-expired'],
    ['GET', '/jobs/runs'],
  ] as const) {
    expect((await call(method, path)).status).toBe(403)
    expect((await app.as(undefined)(method, path)).status).toBe(401)
  }
  expect((await app.admin('POST', '/jobs/unheard-of')).status).toBe(404)
})

test('a job that fails says so in its run, in the log and with a 500, and the next one is not kept from running', async () => {
  const rename = (from: string, to: string) => app.database.sql(`alter function ${from} rename to ${to}`)
  await rename('make_month_partitions', 'unmade_month_partitions')
  const { status, headers, body } = await app.admin('POST', '/jobs/maintain-partitions')
  await rename('unmade_month_partitions', 'make_month_partitions')
  expect([status, headers.get('content-type'), body.code]).toEqual([500, 'application/problem+json', 'internal'])
  const [failed] = (await app.admin('GET', '/jobs/runs')).body.items
  expect(failed).toMatchObject({ name: 'maintain-partitions', outcome: 'failed', error: expect.stringContaining('audit_events') })
  expect(body.detail).toContain(failed.id)
  const line = JSON.parse(app.log.find(one => one.includes(failed.id)) as string)
  expect(line).toMatchObject({ severity: 'ERROR', message: 'a job failed', job: 'maintain-partitions' })
  expect(await measured(app.shared.metrics, 'job_duration_seconds_count', 'job="maintain-partitions",outcome="failed"')).toBe(1)
  expect((await app.admin('POST', '/jobs/maintain-partitions')).status).toBe(200)
})

test('what the months to come will write to is there a year ahead', async () => {
  const [gone] = await app.database.sql<{ name: string }>(
    `select max(inhrelid::regclass::text) as name from pg_inherits
    where inhparent = 'audit_events'::regclass and inhrelid::regclass::text <> 'audit_events_default'`,
  )
  await app.database.sql(`drop table ${gone?.name}`)
  expect((await app.admin('POST', '/jobs/maintain-partitions')).body.rows).toBeGreaterThan(0)
  expect(await count(`pg_class where relname = '${gone?.name}'`)).toBe(1)
})

test('events in the default partition of the audit fail the job that makes partitions', async () => {
  await app.database.sql(
    `insert into audit_events (organization_id, actor, action, entity_type, entity_id, created_at)
    values ('stray', 'admin', 'create', 'agent', 'a', '2001-01-01')`,
  )
  expect((await app.admin('POST', '/jobs/maintain-partitions')).status).toBe(500)
  const [failed] = (await app.admin('GET', '/jobs/runs')).body.items
  expect(failed.error).toContain('default partition')
  // moved away: the table keeps its size until it is vacuumed
  await app.database.sql('delete from audit_events_default')
  expect((await app.admin('POST', '/jobs/maintain-partitions')).status).toBe(200)
})

test('a purge removes what has expired, and nothing else', async () => {
  const { call, id } = await app.organization()
  for (const agent of ['fresh', 'old', 'imported', 'here']) await call('POST', '/agents', { id: agent, name: agent })
  for (const agent of ['fresh', 'old', 'imported']) await call('DELETE', `/agents/${agent}`)
  const [user, password] = ['u', 'correct horse battery']
  await call('POST', '/organizations/users', { id: user, email: 'purged@example.com', password })
  const login = async () => (await app.as(undefined)('POST', '/organizations/sessions', { email: 'purged@example.com', password })).body
  const [ended, lasting] = [await login(), await login()]
  for (const key of ['old', 'fresh']) await call('POST', '/agents/counters/n/increment', {}, { 'idempotency-key': key })
  for (const change of [
    `update agents set deleted_at = now() - interval '31 days' where id in ('old', 'imported')`,
    `update agents set extra = '{"imported": [1, 2]}' where id = 'imported'`,
    `update sessions set expires_at = now() - interval '8 days' where id = (select min(id) from sessions where organization_id = '${id}')`,
    `update idempotency_keys set created_at = now() - interval '25 hours' where id like '% old'`,
    `insert into migration_compared (run, collection, keys, created_at) values ('r', 'agents', '{1}', now() - interval '2 days'), ('s', 'agents', '{1}', now())`,
    `insert into job_runs (id, name, started_at, finished_at, outcome) values ('long-ago', 'x', now() - interval '91 days', now(), 'failed')`,
  ])
    await app.database.sql(change)
  const { body } = await app.admin('POST', '/jobs/purge-expired')
  expect(body).toMatchObject({ outcome: 'succeeded', rows: 5 })
  expect(await count(`audit_events where organization_id = '${id}' and entity_id = 'old' and action = 'remove'`)).toBe(1)
  const left = await app.database.sql<{ id: string }>(`select id from agents where organization_id = '${id}' order by id`)
  expect(left.map(row => row.id)).toEqual(['fresh', 'here', 'imported'])
  expect((await app.as(lasting.token)('GET', '/organizations/me')).status).toBe(200)
  expect((await app.as(ended.token)('GET', '/organizations/me')).status).toBe(401)
  const again = await call('POST', '/agents/counters/n/increment', {}, { 'idempotency-key': 'fresh' })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(await count(`idempotency_keys where organization_id = '${id}'`)).toBe(1)
  expect((await app.database.sql<{ run: string }>('select run from migration_compared')).map(({ run }) => run)).toEqual(['s'])
})

test('the tombstones of a collection whose memory may still need them stay', async () => {
  const { call, id } = await app.organization()
  await call('POST', '/agents', { id: 'a', name: 'a' })
  await call('DELETE', '/agents/a')
  await app.database.sql(`update agents set deleted_at = now() - interval '1 year' where organization_id = '${id}'`)
  const purged = async (stage: string) => {
    await app.database.sql(`update migration_stages set stage = '${stage}' where collection = 'agents'`)
    await app.admin('POST', '/jobs/purge-expired')
    return (await count(`agents where organization_id = '${id}'`)) === 0
  }
  for (const stage of ['off', 'dualwrite', 'shadow', 'live', 'rampdown']) expect([stage, await purged(stage)]).toEqual([stage, false])
  expect(await purged('complete')).toBe(true)
})

test('the tombstones of every collection go when they are old, and not while its memory may need them', async () => {
  const { call, id } = await app.organization()
  const [document, faq] = [
    { title: 'T', content: 'C', embedding: [1] },
    { question: 'Q', answer: 'A' },
  ]
  await call('POST', '/agents', { id: 'x', name: 'x' })
  await call('POST', '/agents/counters/x/increment', {})
  await call('POST', '/conversations', { id: 'x', agent_id: 'x', messages: [{ role: 'user', content: 'Hello' }] })
  await call('PUT', '/database/tables/x', { columns: {} })
  await call('POST', '/database/tables/x/records', { id: 'x', data: {} })
  await call('POST', '/knowledge/entries', { id: 'x', title: 'T', content: 'C' })
  await call('PUT', '/knowledge/embeddings', { model: 'm', items: [{ hash: 'x', embedding: [1] }] })
  await call('PUT', '/rag/documents/x', document)
  await call('PUT', '/rag/faqs/x', faq)
  await call('PUT', '/analytics/metrics/x', { value: 1 })
  const removed = [
    'conversations/x',
    'agents/x',
    'database/tables/x',
    'knowledge/entries/x',
    'rag/documents/x',
    'rag/faqs/x',
    'analytics/metrics/x',
  ]
  for (const path of removed) expect([path, (await call('DELETE', `/${path}`)).status]).toEqual([path, 204])
  const tables = await app.database.sql<{ name: string }>(
    `select table_name as name from information_schema.columns where table_schema = 'public' and column_name = 'deleted_at'
    and table_name not in ('organizations', 'payment_intents') order by 1`, // an organization and its payments stay
  )
  // counters and vectors have no route that removes them: a stage may have
  for (const { name } of tables)
    await app.database.sql(`update ${name} set deleted_at = now() - interval '31 days' where organization_id = $1`, [id])
  const left = async (stage: string) => {
    await app.database.sql(`update migration_stages set stage = '${stage}'`)
    await app.admin('POST', '/jobs/purge-expired')
    const names: string[] = []
    for (const { name } of tables) if ((await count(`${name} where organization_id = '${id}'`)) > 0) names.push(name)
    return names
  }
  expect(tables.length).toBeGreaterThan(8)
  expect(await left('live')).toEqual(tables.map(({ name }) => name))
  expect(await left('complete')).toEqual([])
})
