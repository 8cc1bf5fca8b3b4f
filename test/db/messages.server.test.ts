import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresSearch } from '../../functions/conversations/search.postgres.ts'
import { plain } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

const MESSAGES = 5_000

let database: TestDatabase
let shared: Awaited<ReturnType<typeof shareTest>>
beforeAll(async () => {
  database = await makeTestDatabase({ DB_POOL_SIZE: '1' })
  shared = await shareTest(database)
  await database.sql(`insert into conversations (organization_id, id, version, created_at, updated_at)
    select organization, 'talk', 1, now(), now() from unnest('{one,two}'::text[]) organization`)
  await database.sql(`insert into messages (organization_id, id, conversation_id, number, role, content, version, created_at, updated_at)
    select organization, 'm' || n, 'talk', n, 'user', 'word' || n || case when n % 1000 = 0 then ' seldom' else '' end, n, now(), now()
    from unnest('{one,two}'::text[]) organization, generate_series(1, ${MESSAGES}) n`)
  await database.sql('vacuum analyze messages')
})
afterAll(async () => {
  await shared.close()
  await database.drop()
})

const scope: Scope = { organization_id: 'one', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }

/** How many messages the index of their words has told of so far. */
const told = async (): Promise<number> => {
  await shared.db.session(run => run([plain('select pg_stat_force_next_flush()')]))
  const text = `select idx_tup_read::int as n from pg_stat_user_indexes where indexrelname = 'messages_search'`
  return (await database.sql<{ n: number }>(text))[0]?.n as number
}

test('a search reads the messages that match, of its organization, and no others', async () => {
  const before = await told()
  const page = await postgresSearch(shared.db).search(scope, 'seldom', { limit: 3, after: undefined })
  expect(page.items.map(({ id }) => id)).toEqual(['m5000', 'm4000', 'm3000'])
  expect((await told()) - before).toBe(5)
  const rest = await postgresSearch(shared.db).search(scope, 'seldom', { limit: 3, after: page.next })
  expect(rest.items.map(({ id }) => id)).toEqual(['m2000', 'm1000'])
})
