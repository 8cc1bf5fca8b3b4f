import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { type Holder, holdLocks } from '../support/locks.ts'

let app: Running
let holder: Holder
beforeAll(async () => {
  app = await run()
  holder = await holdLocks(app.database)
})
afterAll(async () => {
  await holder.close()
  await app.stop()
})

const last = async (): Promise<string> => {
  const [row] = await app.database.sql<{ name: string }>(
    `select max(inhrelid::regclass::text) as name from pg_inherits
    where inhparent = 'audit_events'::regclass and inhrelid::regclass::text <> 'audit_events_default'`,
  )
  return row?.name as string
}
const write = "insert into audit_events (organization_id, actor, action, entity_type, entity_id) values ('o', 'a', 'create', 'agent', 'a')"
const maintain = () => app.admin('POST', '/jobs/maintain-partitions')
const indexes = (table: string) =>
  app.database.sql(`select regexp_replace(indexdef, '^.* USING ', '') as index from pg_indexes where tablename = $1 order by 1`, [table])

test('a month of the audit is made while a transaction that wrote to it stays open, and is as the others', async () => {
  const { call } = await app.organization()
  const name = await last()
  await app.database.sql(`drop table ${name}`)
  await holder.sql('begin')
  await holder.sql(write)
  const { status, body } = await maintain()
  expect([status, body.rows]).toEqual([200, 1])
  expect((await call('POST', '/agents', { name: 'Beside it' })).status).toBe(201)
  await holder.sql('commit')
  expect(await last()).toBe(name)
  expect(await indexes(name)).toEqual(await indexes('audit_events_default'))
  const month = name.slice(-7).replace('_', '-')
  await app.database.sql(`insert into audit_events (organization_id, actor, action, entity_type, entity_id, created_at)
    values ('o', 'a', 'create', 'agent', 'a', '${month}-15')`)
  expect(await app.database.sql(`select count(*)::int as n from ${name}`)).toEqual([{ n: 1 }])
})

test('where the locks cannot be had no writer waits longer than a second for it, and the job comes again', async () => {
  const { call } = await app.organization()
  await app.database.sql(`drop table ${await last()}`)
  await holder.sql('begin')
  await holder.sql('select from audit_events_default')
  const making = maintain()
  await holder.waiting(1)
  expect((await call('POST', '/agents', { name: 'Meanwhile' })).status).toBe(201)
  expect((await making).status).toBe(500) // the scheduler tries again
  await holder.sql('commit')
  expect((await maintain()).body.rows).toBe(1)
})
