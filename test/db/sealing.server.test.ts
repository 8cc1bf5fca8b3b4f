import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listed } from '../../functions/audit/postgres.ts'
import type { AuditFilter } from '../../functions/audit/schema.ts'
import type { Statement } from '../../shared/db/batch.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { type Running, run } from '../support/http.ts'
import { measured } from '../support/metrics.ts'

let app: Running
let client: pg.Client
beforeAll(async () => {
  app = await run()
  client = new pg.Client({ connectionString: app.database.url })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await app.stop()
})

const agent = (organization: string, id: string): [string, string[]] => [
  `insert into agents (organization_id, id, name, version, created_at, updated_at) values ($1, $2, 'A', nextval('row_version'), now(), now())`,
  [organization, id],
]
const verified = async (call: Running['admin']) => (await call('GET', '/audit/verify')).body

test('an event with a lower id that is committed late does not slip behind the seal: sealing waits for it', async () => {
  const { id, call } = await app.organization()
  await client.query('begin')
  await client.query(...agent(id, 'early'))
  await call('POST', '/agents', { id: 'late', name: 'Committed before the early one' })
  let sealed = false
  const sealing = app.admin('POST', '/jobs/seal-audit').then(answer => {
    sealed = true
    return answer
  })
  const looked = () => measured(app.shared.metrics, 'db_query_duration_seconds_count', 'statement="audit.settled"')
  while ((await looked()) < 3) await call('GET', '/agents')
  expect([sealed, await verified(call)]).toEqual([false, { valid: true, sealed: 0, unsealed: 3 }])
  await client.query('commit')
  expect((await sealing).body.outcome).toBe('succeeded')
  expect(await verified(call)).toEqual({ valid: true, sealed: 4, unsealed: 0 })
})

test('what is written while sealing goes on is sealed by the next run, whole, and nothing is lost or doubled', async () => {
  const { id, call } = await app.organization()
  let going = true
  const writing = [0, 1, 2].map(async worker => {
    for (let n = 0; going; n++) {
      await call('POST', '/agents', { id: `${worker}-${n}`, name: 'A' })
      if (n % 5 === 0) await call('POST', '/agents', { id: `${worker}-${n}`, name: 'Taken' })
    }
  })
  for (let n = 0; n < 8; n++) expect((await app.admin('POST', '/jobs/seal-audit')).status).toBe(200)
  going = false
  await Promise.all(writing)
  expect((await verified(call)).valid).toBe(true)
  await app.admin('POST', '/jobs/seal-audit')
  const [row] = await app.database.sql<{ n: number }>('select count(*)::int as n from audit_events where organization_id = $1', [id])
  expect(await verified(call)).toEqual({ valid: true, sealed: row?.n, unsealed: 0 })
})

/** The plan of a statement as the app's role meets it in an organization, for any value of its parameters. */
const planOf = async (organization: string, { text, values }: Statement): Promise<string> => {
  await client.query('begin')
  try {
    await client.query(`select set_config('app.organization_id', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)`, [
      organization,
    ])
    await client.query('set local role agenthub_app')
    await client.query(`prepare explained as ${text}`)
    const given = values.map(value => pg.escapeLiteral(String(value))).join()
    const { rows } = await client.query(`explain (costs off) execute explained (${given})`)
    return rows.map(row => row['QUERY PLAN']).join('\n')
  } finally {
    await client.query('rollback')
    await client.query('deallocate all')
  }
}

test('the history of an entity is read from its index, and a month from its partition', async () => {
  const { id } = await app.organization()
  await client.query(`select make_month_partitions('audit_events', '2020-01-01', 24)`)
  await client.query(
    `insert into audit_events (organization_id, actor, action, entity_type, entity_id, created_at)
    select $1, 'admin', 'create', 'agent', 'agent-' || n % 500, timestamptz '2020-01-01' + n * interval '1 hour' from generate_series(1, 17000) n`,
    [id],
  )
  await client.query('analyze audit_events')
  const scope: Scope = { organization_id: id, caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }
  const plan = (filter: AuditFilter) => planOf(id, listed(scope, { limit: 50, after: undefined }, filter))
  const history = await plan({ entity_type: 'agent', entity_id: 'agent-7' })
  expect(history).toMatch(/Index.* Scan using audit_events_2020_\d\d_organization_id_entity_type/)
  expect(history).toMatch(/Index Cond: .*entity_type = .*entity_id = /)
  expect(history).not.toMatch(/Seq Scan on audit_events_2020/)
  const month = await plan({ from: '2020-05-01T00:00:00Z', to: '2020-06-01T00:00:00Z' })
  expect(month).toContain('audit_events_2020_05')
  expect(new Set(month.match(/on audit_events_\w+/g))).toEqual(new Set(['on audit_events_2020_05']))
})
