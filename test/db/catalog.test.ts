import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'

/** Tables of the platform itself: no organization's rows are in them. */
const PLATFORM = [
  'analytics_retention',
  'job_runs',
  'migration_compared',
  'migration_empty',
  'migration_leases',
  'migration_mismatches',
  'migration_order',
  'migration_runs',
  'migration_stages',
  'migration_steps',
  'report_refreshes',
  'schema_migrations',
]
/** What other rows say once more: keyed by what they are about, without stamps, and no event of their own. */
const DERIVED = ['data_index', 'item_vectors', 'rag_chunks', 'search_texts']
/** Written by the machinery and not by a caller: an event of each of their rows would say nothing. */
const UNAUDITED = [
  'analytics_event_keys',
  'audit_blocks',
  'audit_events',
  'event_agent_totals',
  'event_deltas',
  'event_rollups',
  'event_totals',
  'idempotency_keys',
  'ledger_balances',
  'ledger_entries',
  'payment_events',
]
/** Rows by the thousand that are never changed: one event a statement tells of them all. The app can only add to such a table. */
const IN_BATCHES = ['analytics_events']
/** E-mail addresses are unique everywhere, and the nearest vectors are looked for among those of all: no organization leads their indexes. */
const ACROSS = ['item_vectors_nearest', 'users_email']

let database: TestDatabase
let tables: string[]
beforeAll(async () => {
  database = await makeTestDatabase()
  tables = (await names(`relkind in ('r', 'p') and not relispartition`)).filter(name => ![...PLATFORM, ...DERIVED].includes(name))
})
afterAll(() => database.drop())

const names = async (which: string): Promise<string[]> =>
  (
    await database.sql<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and ${which} order by 1`,
    )
  ).map(({ name }) => name)

/** The tables (among those that are an organization's) of which a query does not say what it should. */
const lacking = async (query: string): Promise<string[]> => {
  const having = (await database.sql<{ name: string }>(query)).map(({ name }) => name)
  return tables.filter(name => !having.includes(name))
}

test('there are tenant tables, and the platform tables are those that are named here', async () => {
  expect(tables).toEqual(expect.arrayContaining(['organizations', 'users', 'agents', 'messages', 'audit_events']))
  expect(await names(`relkind in ('r', 'p') and relname = any('{${PLATFORM}}')`)).toEqual(PLATFORM)
})

test('every primary key is (organization_id, id), with the partition key behind it where there is one', async () => {
  const keys = await database.sql<{ name: string; partitioned: boolean; key: string[] }>(
    `select c.relname as name, c.relkind = 'p' as partitioned,
      array(select a.attname::text from unnest(i.indkey) with ordinality k (n, place)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.n order by place) as key
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relnamespace = 'public'::regnamespace`,
  )
  for (const name of tables) {
    const { key = [], partitioned } = keys.find(one => one.name === name) ?? {}
    expect([name, key]).toEqual([name, partitioned ? ['organization_id', 'id', 'created_at'] : ['organization_id', 'id']])
  }
})

test('organization_id leads every index, as its column or as the first that its keys are made of', async () => {
  const indexes = await database.sql<{ table: string; index: string; first: string | null }>(
    `select c.relname as table, i.indexrelid::regclass::text as index,
      coalesce(
        (select attname from pg_attribute where attrelid = c.oid and attnum = i.indkey[0]),
        substring(pg_get_indexdef(i.indexrelid, 1, false) from '^term_keys\\(([a-z_]+), ')
      ) as first
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = 'public'::regnamespace`,
  )
  expect(indexes.length).toBeGreaterThan(tables.length)
  const other = indexes.filter(({ table, first }) => first !== 'organization_id' && !PLATFORM.includes(table))
  expect(other.map(({ index }) => index).filter(index => !ACROSS.includes(index))).toEqual([])
})

test('row-level security is enabled and forced everywhere, with a policy for the app by its scope and one for the jobs', async () => {
  expect(await lacking('select relname as name from pg_class where relrowsecurity and relforcerowsecurity')).toEqual([])
  const bound = `organization_id = NULLIF(current_setting('app.organization_id'::text, true), ''::text)`
  const policies = await database.sql<{ name: string; role: string; using: string; check: string }>(
    `select tablename as name, roles[1]::text as role, qual as using, with_check as check
    from pg_policies where schemaname = 'public' and permissive = 'PERMISSIVE' and cmd = 'ALL' and policyname in ('tenant', 'jobs')`,
  )
  for (const name of tables) {
    const mine = policies.filter(policy => policy.name === name).sort((a, b) => (a.role < b.role ? -1 : 1))
    expect([name, mine.map(({ role }) => role)]).toEqual([name, ['agenthub_app', 'agenthub_jobs']])
    expect(mine[0]?.using.replace(/^\(|\)$/g, '')).toBe(bound)
    expect(mine[0]?.check.replace(/^\(|\)$/g, '')).toBe(bound)
  }
})

test('no other policy lets the app or everybody past its scope', async () => {
  const wide = await database.sql<{ name: string; policy: string }>(
    `select tablename as name, policyname as policy from pg_policies
    where schemaname = 'public' and policyname not in ('tenant', 'jobs') and roles && '{agenthub_app, agenthub_jobs, public}'::name[]`,
  )
  expect(wide).toEqual([])
})

test.each([
  ['organization_id', 'text', 'C'],
  ['id', 'text', 'C'],
  ['version', 'bigint', undefined],
  ['created_at', 'timestamp with time zone', undefined],
  ['updated_at', 'timestamp with time zone', undefined],
])('every table has %s, not null, as %s', async (column, type, collation) => {
  const query = `select c.relname as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = '${column}' and a.attnotnull and not a.attisdropped
    left join pg_collation l on l.oid = a.attcollation
    where format_type(a.atttypid, a.atttypmod) = '${type}' ${collation ? `and l.collname = '${collation}'` : ''}`
  expect(await lacking(query)).toEqual([])
})

test('no time is without its zone, and no id or key is an integer', async () => {
  const columns = await database.sql<{ name: string }>(
    `select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and table_name <> all($1)
      and (data_type = 'timestamp without time zone' or (column_name ~ '(^|_)id$' and data_type <> 'text'))`,
    [PLATFORM],
  )
  expect(columns).toEqual([])
})

test('every foreign key is composite, and organization_id leads both of its sides', async () => {
  const keys = await database.sql<{ name: string; columns: string[]; target: string[] }>(
    `select conname as name,
      array(select attname::text from unnest(conkey) with ordinality k (n, place)
        join pg_attribute on attrelid = conrelid and attnum = n order by place) as columns,
      array(select attname::text from unnest(confkey) with ordinality k (n, place)
        join pg_attribute on attrelid = confrelid and attnum = n order by place) as target
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace and conrelid::regclass::text <> all($1)`,
    [PLATFORM],
  )
  expect(keys.length).toBeGreaterThan(0)
  for (const { name, columns, target } of keys) {
    expect([name, columns.length > 1, columns[0]]).toEqual([name, true, 'organization_id'])
    expect([name, target[0]]).toEqual([name, 'organization_id'])
  }
})

test('every table that a caller can change has the audit trigger for all three kinds of change', async () => {
  const audited = `select tgrelid::regclass::text as name from pg_trigger
    where tgfoid in ('audit()'::regprocedure, 'audit_batch()'::regprocedure, 'audit_embeddings()'::regprocedure) and tgenabled = 'O' and not tgisinternal
    group by 1 having bit_or(tgtype & 28) = 28` // 4 insert, 8 delete, 16 update
  expect(await lacking(audited)).toEqual(UNAUDITED)
})

test('what the app writes without an audit event of each row, it can only add to', async () => {
  const batched = await database.sql<{ name: string }>(
    "select distinct tgrelid::regclass::text as name from pg_trigger where tgfoid = 'audit_batch()'::regprocedure and not tgisinternal and tgparentid = 0",
  )
  expect(batched.map(({ name }) => name)).toEqual(IN_BATCHES)
  const rights = await database.sql<{ name: string; kinds: string[] }>(
    `select name, array(select kind from unnest('{INSERT,UPDATE,DELETE}'::text[]) kind where has_table_privilege('agenthub_app', name, kind)) as kinds
    from unnest($1::text[]) name order by 1`,
    [[...IN_BATCHES, ...UNAUDITED]],
  )
  expect(rights.map(({ name, kinds }) => [name, kinds.join()])).toEqual([
    ['analytics_event_keys', 'INSERT'],
    ['analytics_events', 'INSERT'],
    ['audit_blocks', ''],
    ['audit_events', 'INSERT'],
    ['event_agent_totals', ''],
    ['event_deltas', 'INSERT'],
    ['event_rollups', ''],
    ['event_totals', ''],
    ['idempotency_keys', 'INSERT,UPDATE,DELETE'],
    ['ledger_balances', ''],
    ['ledger_entries', ''],
    ['payment_events', 'INSERT'],
  ])
})

test('the app reads a report through a view that shows its own organization alone', async () => {
  const reports = await names("relkind = 'm'")
  expect(reports.length).toBeGreaterThan(2)
  for (const report of reports) {
    const [found] = await database.sql<{ grants: boolean; barrier: boolean; bound: boolean }>(
      `select has_any_column_privilege('agenthub_app', $1, 'SELECT') or has_any_column_privilege('agenthub_jobs', $1, 'SELECT') as grants,
        reloptions @> '{security_barrier=true}' as barrier, pg_get_viewdef(oid) like '%organization_id = scope_organization()%' as bound
      from pg_class where relname = $2`,
      [report, report.replace(/^report_/, 'own_')],
    )
    expect([report, found]).toEqual([report, { grants: false, barrier: true, bound: true }])
  }
})

test('the app has no right on a partition, and can neither change nor remove an audit event', async () => {
  const rights = await database.sql<{ name: string; role: string; kind: string }>(
    `select c.relname as name, role, r.kind from pg_class c, unnest('{agenthub_app,agenthub_jobs}'::text[]) role,
      unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,TRIGGER,REFERENCES}'::text[]) r (kind)
    where c.relnamespace = 'public'::regnamespace and (c.relispartition or c.relname = 'audit_events') and c.relkind in ('r', 'p')
      and has_table_privilege(role, c.oid, r.kind)
    order by 1, 2, 3`,
  )
  expect(rights.map(({ name, role, kind }) => `${role} ${kind} ${name}`)).toEqual([
    'agenthub_app INSERT audit_events',
    'agenthub_app SELECT audit_events',
    'agenthub_jobs INSERT audit_events',
    'agenthub_jobs SELECT audit_events',
  ])
  expect((await names('relispartition')).length).toBeGreaterThan(12)
})

test('the app owns nothing, makes nothing, bypasses nothing, and cannot log in', async () => {
  const roles = await database.sql(
    `select rolname, rolcanlogin or rolsuper or rolbypassrls or rolcreatedb or rolcreaterole as more,
      has_schema_privilege(oid, 'public', 'CREATE') as creates, exists (select from pg_class where relowner = r.oid) as owns
    from pg_roles r where rolname in ('agenthub_app', 'agenthub_jobs') order by 1`,
  )
  expect(roles).toEqual([
    { rolname: 'agenthub_app', more: false, creates: false, owns: false },
    { rolname: 'agenthub_jobs', more: false, creates: false, owns: false },
  ])
})

test('every function that runs as its definer fixes its search path and is not for everybody', async () => {
  const loose = await database.sql<{ name: string }>(
    `select oid::regprocedure::text as name from pg_proc
    where pronamespace = 'public'::regnamespace and prosecdef
      and (not coalesce(proconfig, '{}') @> '{"search_path=public, pg_temp"}' or has_function_privilege('public', oid, 'EXECUTE'))`,
  )
  expect(loose).toEqual([])
})

/** The tables and columns that the plan names; their types may be better, their names are these. */
test.each([
  ['organizations', ['id', 'name', 'created_at']],
  ['users', ['id', 'organization_id', 'email', 'role', 'created_at']],
  ['payment_intents', ['id', 'organization_id', 'amount', 'currency', 'status', 'created_at']],
  ['analytics_events', ['id', 'organization_id', 'event_type', 'event_data', 'created_at']],
  ['agents', ['id', 'organization_id', 'name', 'industry', 'configuration', 'status', 'created_at', 'updated_at']],
])('%s has the columns that the plan gave it', async (table, planned) => {
  const columns = await database.sql<{ name: string }>(
    `select column_name as name from information_schema.columns where table_schema = 'public' and table_name = $1`,
    [table],
  )
  expect(columns.map(({ name }) => name)).toEqual(expect.arrayContaining(planned))
})

test('the app sees and writes nothing without a scope, and only its own with one', async () => {
  const { pool, close } = await database.open()
  const client = await pool.connect()
  try {
    await database.sql(
      `insert into agents (organization_id, id, name, version, created_at, updated_at) values ('one', 'a', 'A', 1, now(), now())`,
    )
    expect((await client.query('select id from agents')).rows).toEqual([])
    const insert = `insert into agents (organization_id, id, name, version, created_at, updated_at) values ('one', 'b', 'B', 1, now(), now())`
    await expect(client.query(insert)).rejects.toMatchObject({ code: '42501' })
    await client.query(`select set_config('app.organization_id', 'two', false)`)
    expect((await client.query('select id from agents')).rows).toEqual([])
    expect((await client.query('update agents set name = name')).rowCount).toBe(0)
    await expect(client.query(insert)).rejects.toMatchObject({ code: '42501' })
    await client.query(`select set_config('app.organization_id', 'one', false)`)
    expect((await client.query('select id from agents')).rows).toEqual([{ id: 'a' }])
  } finally {
    client.release(true)
    await close()
  }
})
