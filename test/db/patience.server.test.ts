import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'
import { type Holder, holdLocks } from '../support/locks.ts'

const TIMEOUT_MS = 2000

let app: Running
let holder: Holder
beforeAll(async () => {
  app = await run({ DB_STATEMENT_TIMEOUT_MS: String(TIMEOUT_MS) })
  holder = await holdLocks(app.database)
})
afterAll(async () => {
  await holder.close()
  await app.stop()
})

test('what changes a whole table may take longer than other statements, and its caller waits as long', async () => {
  const { call } = await app.organization()
  const indexed = { columns: { n: { type: 'number', indexed: true } } }
  for (const name of ['declared', 'removed', 'emptied', 'once', 'other']) {
    await call('PUT', `/database/tables/${name}`, name === 'declared' ? { columns: {} } : indexed)
    await call('POST', `/database/tables/${name}/records`, { id: 'a', data: { n: 1 } })
  }
  await holder.sql('begin')
  await holder.sql('lock table data_index in share mode') // whoever changes an index waits
  const long = [
    call('PUT', '/database/tables/declared', indexed),
    call('DELETE', '/database/tables/removed'),
    call('POST', '/database/tables/emptied/delete', { where: { n: 1 } }),
    call('POST', '/database/tables/once/delete', { where: { n: 1 } }, { 'idempotency-key': 'once' }),
  ]
  await holder.waiting(long.length)
  // others are told one after another that their time is over: more than that and the margin goes by
  for (let i = 0; i < 3; i++) {
    const { status, body } = await call('POST', '/database/tables/other/records', { id: `b${i}`, data: { n: 2 } })
    expect([status, body.code]).toEqual([503, 'unavailable'])
  }
  await holder.sql('commit')
  expect((await Promise.all(long)).map(({ status, body }) => [status, body?.deleted])).toEqual([
    [200, undefined],
    [204, undefined],
    [200, 1],
    [200, 1],
  ])
  const found = await call('POST', '/database/tables/declared/query', { where: { n: { $gte: 1 } } })
  expect(found.body.items.map(({ id }: { id: string }) => id)).toEqual(['a'])
  for (const name of ['emptied', 'once']) expect((await call('GET', `/database/tables/${name}/records`)).body.items).toEqual([])

  // and no later statement of those connections has their time
  const settings = await Promise.all(
    long.map(() => app.shared.db.session(run => run([{ name: 'shown', text: 'show statement_timeout', values: [] }]))),
  )
  expect(new Set(settings.flat(3))).toEqual(new Set(['2s']))
})

test('a table that declares one more index has that one made, and keeps the others', async () => {
  const { call, id } = await app.organization()
  const put = (...fields: string[]) =>
    call('PUT', '/database/tables/t', { columns: Object.fromEntries(fields.map(field => [field, { type: 'number', indexed: true }])) })
  await put('a', 'b')
  await call('POST', '/database/tables/t/records', { id: 'x', data: { a: 1, b: 2, c: 3 } })
  const entries = () =>
    app.database.sql<{ field: string; xmin: string }>(
      'select field, xmin::text from data_index where organization_id = $1 order by field',
      [id],
    )
  const before = await entries()
  await put('b', 'c')
  const after = await entries()
  expect(after.map(({ field }) => field)).toEqual(['b', 'c'])
  expect(after[0]).toEqual(before[1])
})
