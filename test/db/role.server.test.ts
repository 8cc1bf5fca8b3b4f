import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sessionOptions } from '../../shared/db/pool.ts'
import { makeOne } from '../support/examples.ts'
import { type Running, run } from '../support/http.ts'

/** Postgres's code of a missing right, and of a row that a policy refuses. */
const FORBIDDEN = '42501'

let app: Running
let client: pg.Client
let organization: string
let tables: string[]
beforeAll(async () => {
  app = await run()
  const { call, id } = await app.organization()
  organization = id
  await makeOne(call, 'mark')
  await call('POST', '/agents', { name: 'Kept' }, { 'idempotency-key': 'k' })
  await call('POST', '/organizations/users', { email: 'mark@example.com', password: 'a long password' })
  await app.as(undefined)('POST', '/organizations/sessions', { email: 'mark@example.com', password: 'a long password' })
  client = new pg.Client({ connectionString: app.database.url, options: sessionOptions('agenthub_app', 5000) })
  await client.connect()
  const rows = await app.database.sql<{ name: string }>(tenantTables)
  tables = rows.map(row => row.name)
})
afterAll(async () => {
  await client.end()
  await app.stop()
})

/** Every table, partitioned or not, whose rows belong to an organization; its partitions are reached through it alone. */
const tenantTables = `select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
  where c.relkind in ('r', 'p') and not c.relispartition and a.attname = 'organization_id' and c.relnamespace = 'public'::regnamespace
  order by 1`

/** Runs something in a transaction with the scope of an organization, or none, and undoes it; the code of its error, or its rows. */
const attempt = async (scope: string | undefined, text: string): Promise<string | pg.QueryResultRow[]> => {
  await client.query('begin')
  try {
    if (scope !== undefined) await client.query('select enter_scope($1, $2, $3)', [scope, 'test', '{}'])
    return (await client.query(text)).rows
  } catch (error) {
    return (error as pg.DatabaseError).code ?? String(error)
  } finally {
    await client.query('rollback')
  }
}

test('the server asks after a silent session, and gives up the one whose other end is gone', async () => {
  const settings = ['idle', 'interval', 'count'].map(name => `current_setting('tcp_keepalives_${name}')::int as ${name}`)
  expect((await client.query(`select ${settings.join()}`)).rows).toEqual([{ idle: 10, interval: 5, count: 3 }])
})

test('the role of the functions is bound by row-level security on every table that has an organization', async () => {
  const rows = await app.database.sql(
    `select relname from pg_class c where oid::regclass::text = any($1)
    and not (relrowsecurity and relforcerowsecurity and pg_get_userbyid(relowner) = 'agenthub_owner'
      and exists (select from pg_policy p where p.polrelid = c.oid and 'agenthub_app'::regrole = any(polroles)))`,
    [tables],
  )
  expect(rows).toEqual([])
  expect(tables.length).toBeGreaterThan(9)
  const roles = await app.database.sql(`select rolname from pg_roles
    where rolname like 'agenthub\\_%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin)`)
  expect(roles).toEqual([])
})

test('the role of the functions sees no row without a scope or in the scope of another organization, and its own in its own', async () => {
  const filled: string[] = []
  for (const table of tables) {
    const count = `select count(*)::int from ${table}`
    const [row] = await app.database.sql<{ count: number }>(count)
    if (row?.count) filled.push(table)
    expect([table, await attempt(undefined, count)]).toEqual([table, [{ count: 0 }]])
    expect([table, await attempt('org-of-nobody', count)]).toEqual([table, [{ count: 0 }]])
    expect([table, await attempt(organization, count)]).toEqual([table, [{ count: row?.count }]])
  }
  const own = ['agents', 'api_keys', 'audit_events', 'conversations', 'counters', 'idempotency_keys', 'messages', 'organizations']
  expect(filled).toEqual(expect.arrayContaining([...own, 'sessions', 'users']))
})

test('the role of the functions writes no row without a scope or of another organization', async () => {
  for (const table of tables) {
    const columns = await app.database.sql<{ attname: string }>(
      `select attname from pg_attribute
      where attrelid = '${table}'::regclass and attname in ('organization_id', 'id', 'created_at', 'version') and attgenerated = ''`,
    )
    const names = columns.map(column => column.attname).filter(name => name !== 'version')
    const values = names.map(name => (name === 'created_at' ? 'now()' : `'org-of-another'`))
    const insert = `insert into ${table} (${names}) values (${values})`
    for (const scope of [undefined, organization]) expect([table, scope, await attempt(scope, insert)]).toEqual([table, scope, FORBIDDEN])
    const [may] = await app.database.sql<{ change: boolean }>(
      `select has_table_privilege('agenthub_app', '${table}', 'UPDATE') and has_table_privilege('agenthub_app', '${table}', 'DELETE') as change`,
    )
    const [before] = await app.database.sql(`select count(*), max(xmin::text) from ${table}`)
    const column = columns.some(({ attname }) => attname === 'version') ? 'version' : 'organization_id' // the rows of an index have none of their own
    for (const change of [`update ${table} set ${column} = ${column}`, `delete from ${table}`]) {
      if (!may?.change) {
        expect([table, await attempt(organization, change)]).toEqual([table, FORBIDDEN])
        continue
      }
      await client.query('begin')
      expect([table, (await client.query(change)).rowCount]).toEqual([table, 0])
      await client.query('commit')
    }
    expect(await app.database.sql(`select count(*), max(xmin::text) from ${table}`)).toEqual([before])
  }
})

test('the role of the functions moves no row into another organization', async () => {
  for (const table of ['agents', 'users', 'idempotency_keys'])
    expect(await attempt(organization, `update ${table} set organization_id = 'org-of-another'`)).toBe(FORBIDDEN)
})

test('the role of the functions adds to the audit and changes nothing of it', async () => {
  const blocks = ['insert into audit_blocks (id) values (null)', 'update audit_blocks set hash = hash', 'delete from audit_blocks']
  for (const text of ['update audit_events set actor = actor', 'delete from audit_events', 'truncate audit_events', ...blocks])
    expect([text, await attempt(organization, text)]).toEqual([text, FORBIDDEN])
  const partitions = await app.database.sql<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relispartition and relkind = 'r'",
  )
  expect(partitions.length).toBeGreaterThan(10)
  for (const { name } of partitions)
    for (const text of [`select from ${name}`, `delete from ${name}`, `update ${name} set version = 0`])
      expect([text, await attempt(organization, text)]).toEqual([text, FORBIDDEN])
})

test('the role of the functions cannot change the schema', async () => {
  for (const text of [
    'create table mine (id text)',
    'create schema mine',
    'create function mine() returns int language sql return 1',
    'create extension pgcrypto',
    'create role mine',
    'alter table agents disable row level security',
    'alter table agents no force row level security',
    'alter table agents add column mine text',
    'create policy mine on agents using (true)',
    'create index on agents (name)',
    'drop table agents',
    'truncate agents',
    'drop policy tenant on agents',
    'alter role agenthub_app bypassrls',
    'create trigger mine before insert on agents execute function audit()',
    'alter sequence row_version restart with 1',
    "select setval('row_version', 1)",
    "select make_month_partitions('audit_events', now(), 1)",
    'select * from schema_migrations',
  ])
    expect([text, await attempt(organization, text)]).toEqual([text, FORBIDDEN])
})
