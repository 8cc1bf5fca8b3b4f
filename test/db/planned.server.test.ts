import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Statement } from '../../shared/db/batch.ts'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
let call: Call
let organization: string
let conversation: string
beforeAll(async () => {
  app = await run({ DB_POOL_SIZE: '1' })
  const made = await app.organization()
  call = made.call
  organization = made.id
  await call('PUT', '/database/tables/t', { columns: {} })
  await call('POST', '/agents', { id: 'a', name: 'A' })
  conversation = (await call('POST', '/conversations', { agent_id: 'a' })).body.id
  await app.database.sql(
    `insert into agents (organization_id, id, name, version, created_at, updated_at)
    select $1, 'a' || n, 'Agent', n, now() - n * interval '1 second', now() from generate_series(1, 5000) n`,
    [organization],
  )
  await app.database.sql(
    `insert into conversations (organization_id, id, agent_id, message_count, version, created_at, updated_at)
    select $1, 'c' || n, 'a' || n % 50, 0, n, now() - n * interval '1 second', now() from generate_series(1, 5000) n`,
    [organization],
  )
  await app.database.sql('analyze agents, conversations')
})
afterAll(() => app.stop())

/** On the one connection, whose prepared statements are the requests'. */
const onIt = (statement: Pick<Statement, 'text' | 'planned'>) =>
  app.shared.db.read(
    { organization_id: organization, caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'r' } },
    { name: 'test', nameless: true, values: [], ...statement },
  )

const lists = () => [
  '/agents',
  '/agents/counters',
  '/conversations',
  `/conversations/${conversation}/messages`,
  '/database/tables',
  '/database/tables/t/records',
  '/knowledge/entries',
  '/organizations/api-keys',
  '/organizations/users',
  '/payments/intents',
  '/payments/transactions',
  '/rag/documents',
  '/rag/faqs',
]

test('a list is planned once a connection, and not for every page', async () => {
  for (const path of lists()) for (let n = 0; n < 8; n++) expect([path, (await call('GET', path)).status]).toEqual([path, 200])
  const plans = await onIt({ text: "select name, custom_plans from pg_prepared_statements where name ~ '[.]list [0-9]+$' order by name" })
  expect(plans).toHaveLength(lists().length)
  expect(plans.filter(([, custom]) => custom !== '0')).toEqual([])
})

/** The plan that a list is run by, on rows that are there. */
const planOf = async (list: string, values: string, planned?: 'once'): Promise<string> => {
  const [[name] = []] = await onIt({ text: `select name from pg_prepared_statements where name like '${list} %'` })
  const text = `explain (analyze, timing off) execute "${name}"('${organization}', 50, 'infinity', '', ${values})`
  return (await onIt({ text, planned })).map(([line]) => line).join('\n')
}

test('that plan reads an index in its order, and no more of it than the page', async () => {
  const plan = await planOf('agents.list', 'null, null, null', 'once')
  expect(plan).toMatch(/Index Scan using agents_newest .*rows=51(\.00)? loops=1/)
  expect(plan).not.toContain('Sort')
})

test('those of one agent are found by the index that they have for it', async () => {
  const plan = await planOf('conversations.list', "'a7'")
  expect(plan).toMatch(/Index Scan using conversations_agent .*rows=51(\.00)? loops=1/)
})
