import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const columns = { name: 'string', price: { type: 'number', indexed: true }, shop: { type: 'reference', references: 'shops' } }

/** An organization with the tables shops (open) and goods (strict). */
const withTables = async (): Promise<{ call: Call; id: string }> => {
  const { call, id } = await app.organization()
  await call('PUT', '/database/tables/shops', { columns: {} })
  await call('PUT', '/database/tables/goods', { columns, strict: true })
  return { call, id }
}
const goods = '/database/tables/goods/records'
const shops = '/database/tables/shops/records'
const paths = ({ body }: { body: { errors?: { path: string }[] } }) => body.errors?.map(({ path }) => path)

test('a table is made, read, replaced and removed', async () => {
  const { call, id: organization_id } = await app.organization()
  const path = '/database/tables/my%20table%2F1'
  const made = await call('PUT', path, { columns, strict: true })
  expect([made.status, made.headers.get('location'), made.headers.get('etag')]).toEqual([201, path, `"${made.body.version}"`])
  expect(made.body).toMatchObject({ id: 'my table/1', organization_id, columns, strict: true })
  const again = await call('PUT', path, { columns: {} }, { 'if-match': `"${made.body.version}"` })
  expect([again.status, again.headers.get('location'), again.body.columns, again.body.strict]).toEqual([200, null, {}, false])
  expect((await call('PUT', path, { columns: {} }, { 'if-match': `"${made.body.version}"` })).status).toBe(412)
  expect((await call('GET', path, undefined, { 'if-none-match': `"${again.body.version}"` })).status).toBe(304)
  expect((await call('DELETE', path, undefined, { 'if-match': `"${made.body.version}"` })).status).toBe(412)
  expect((await call('DELETE', path)).status).toBe(204)
  for (const method of ['GET', 'DELETE']) expect((await call(method, path)).status).toBe(404)
})

test.each([
  [{ columns: { a: 'text' } }, 'columns/a'],
  [{ columns: { a: { type: 'text' } } }, 'columns/a/type'],
  [{ columns: { a: { type: 'string', unique: true } } }, 'columns/a/unique'],
  [{ columns: { a: { type: 'reference' } } }, 'columns/a/references'],
  [{ columns: { a: { type: 'number', references: 't' } } }, 'columns/a/references'],
  [{ columns: { a: 'reference' } }, 'columns/a'],
  [{ columns: { $a: 'string' } }, 'columns/$a'],
  [{ columns: [] }, 'columns'],
  [{}, 'columns'],
  [{ columns: {}, strict: 1 }, 'strict'],
])('a table declared as %j is refused at %s', async (body, path) => {
  const { call } = await app.organization()
  const refused = await call('PUT', '/database/tables/t', body)
  expect([refused.status, paths(refused)]).toEqual([400, [path]])
})

test('a record is created, read, replaced, merged and removed', async () => {
  const { call, id: organization_id } = await withTables()
  const created = await call('POST', goods, { data: { name: 'Tea', price: 3.5 } })
  expect([created.status, created.headers.get('location')]).toEqual([201, `${goods}/${created.body.id}`])
  expect(created.body).toMatchObject({ organization_id, table: 'goods', data: { name: 'Tea', price: 3.5 } })
  const path = `${goods}/${created.body.id}`
  const read = await call('GET', path)
  expect([read.body, read.headers.get('etag')]).toEqual([created.body, `"${created.body.version}"`])
  const merged = await call('PATCH', path, { data: { price: null } }, { 'if-match': `"${created.body.version}"` })
  expect([merged.status, merged.body.data]).toEqual([200, { name: 'Tea', price: null }])
  const replaced = await call('PUT', path, { data: { price: 4 } })
  expect([replaced.status, replaced.body.data]).toEqual([200, { price: 4 }])
  for (const method of ['PATCH', 'PUT', 'DELETE'])
    expect((await call(method, path, method === 'DELETE' ? undefined : { data: {} }, { 'if-match': '"1"' })).status).toBe(412)
  expect((await call('DELETE', path)).status).toBe(204)
  for (const [method, body] of [['GET'], ['PATCH', { data: {} }], ['DELETE']] as const)
    expect((await call(method, path, body)).status).toBe(404)
  const made = await call('PUT', path, { data: {} })
  expect([made.status, made.headers.get('location')]).toEqual([201, path])
})

test('a number keeps every digit on its way in and out', async () => {
  const { call } = await withTables()
  await call('POST', shops, '{"id":"a","data":{"n":12345678901234567890,"m":0.12345678901234567890}}')
  const found = await call(
    'POST',
    '/database/tables/shops/query',
    '{"where":{"n":12345678901234567890,"m":{"$gt":0.12345678901234567889}}}',
  )
  for (const digits of ['12345678901234567890', '0.12345678901234567890']) expect(found.text).toContain(digits)
  expect((await call('POST', '/database/tables/shops/query', '{"where":{"n":12345678901234567891}}')).body.items).toEqual([])
})

test('a refusal names the field, in whichever body it stands', async () => {
  const { call } = await withTables()
  const bad = { name: 1, colour: 'red', shop: 'nowhere' }
  const fields = ['colour', 'name', 'shop']
  expect(paths(await call('POST', goods, { data: bad }))).toEqual(fields.map(field => `data/${field}`))
  expect(paths(await call('PUT', `${goods}/a`, { data: bad }))).toEqual(fields.map(field => `data/${field}`))
  const several = await call('POST', goods, { records: [{ data: {} }, { data: {} }, { data: {} }, { data: bad }] })
  expect([several.status, paths(several)]).toEqual([400, fields.map(field => `records/3/data/${field}`)])
  expect(paths(await call('POST', goods, { data: {}, name: 'x' }))).toEqual(['name'])
  expect(paths(await call('POST', goods, { records: [{ data: [] }] }))).toEqual(['records/0/data'])
  expect(
    paths(
      await call('POST', goods, {
        records: [
          { id: 'a', data: {} },
          { id: 'a', data: {} },
        ],
      }),
    ),
  ).toEqual(['records/1/id'])
  expect((await call('POST', goods, { records: Array(1001).fill({ data: {} }) })).status).toBe(400)
  expect((await call('GET', goods)).body.items).toEqual([])
})

test('several records are created in one go, and what is there is refused, merged or replaced', async () => {
  const { call } = await withTables()
  const two = {
    records: [
      { id: 'a', data: { name: 'A' } },
      { id: 'b', data: { name: 'B' } },
    ],
  }
  const created = await call('POST', goods, two)
  expect([created.status, created.body.items.map(({ id }: { id: string }) => id)]).toEqual([201, ['a', 'b']])
  const price = {
    records: [
      { id: 'c', data: {} },
      { id: 'b', data: { price: 1 } },
    ],
  }
  const refused = await call('POST', goods, price)
  expect([refused.status, refused.body.code, paths(refused)]).toEqual([409, 'conflict', ['records/1/id']])
  expect((await call('GET', `${goods}/c`)).status).toBe(404)
  const of = async (on_conflict: string) => (await call('POST', goods, { ...price, on_conflict })).body.items[1].data
  expect(await of('merge')).toEqual({ name: 'B', price: 1 })
  expect(await of('replace')).toEqual({ price: 1 })
})

test('a refusal by what is there is replayed under its Idempotency-Key, and so is what was done', async () => {
  const { call } = await withTables()
  await call('POST', goods, { id: 'a', data: {} })
  const key = { 'idempotency-key': 'twice' }
  const [first, second] = [await call('POST', goods, { id: 'a', data: {} }, key), await call('POST', goods, { id: 'a', data: {} }, key)]
  expect([first.status, second.status, second.headers.get('idempotent-replayed')]).toEqual([409, 409, 'true'])
  const batch = { operations: [{ op: 'create', table: 'goods', data: {} }] }
  const [done, again] = [await call('POST', '/database/batch', batch, key), await call('POST', '/database/batch', batch, key)]
  expect([done.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([200, done.text, 'true'])
  expect((await call('GET', goods)).body.items).toHaveLength(2)
})

test('a query filters, sorts, selects and goes on where its page ended', async () => {
  const { call } = await withTables()
  await call('POST', goods, {
    records: Array.from({ length: 7 }, (_, n) => ({ id: `g${n}`, data: { name: n % 2 ? 'odd' : 'even', price: n } })),
  })
  const ask = {
    where: { price: { $gte: 1 }, $not: { name: 'odd' } },
    order: [{ field: 'price', direction: 'desc' }],
    select: ['price'],
    limit: 2,
  }
  const first = await call('POST', '/database/tables/goods/query', ask)
  expect(first.body.items.map(({ data }: { data: unknown }) => data)).toEqual([{ price: 6 }, { price: 4 }])
  const second = await call('POST', '/database/tables/goods/query', { ...ask, cursor: first.body.next_cursor })
  expect([second.body.items.map(({ data }: { data: unknown }) => data), second.body.next_cursor]).toEqual([[{ price: 2 }], null])
  const other = await call('POST', '/database/tables/goods/query', { ...ask, order: [], cursor: first.body.next_cursor })
  expect([other.status, paths(other)]).toEqual([400, ['cursor']])
  expect((await call('POST', '/database/tables/goods/query')).body.items).toHaveLength(7)
})

test.each([
  [{ where: { price: { $above: 1 } } }, 'where/price/$above'],
  [{ where: { $nor: [] } }, 'where/$nor'],
  [{ where: { $or: [] } }, 'where/$or'],
  [{ where: { $or: [{ a: { $in: 1 } }] } }, 'where/$or/0/a/$in'],
  [{ where: { a: { $gt: null } } }, 'where/a/$gt'],
  [{ where: { a: { $like: '\\' } } }, 'where/a/$like'],
  [{ where: { a: { $exists: 'yes' } } }, 'where/a/$exists'],
  [{ where: [] }, 'where'],
  [{ limit: 0 }, 'limit'],
  [{ order: [{ field: 'a', direction: 'up' }] }, 'order/0/direction'],
  [{ filter: {} }, 'filter'],
])('the query %j is refused at %s', async (body, path) => {
  const { call } = await withTables()
  const refused = await call('POST', '/database/tables/goods/query', body)
  expect([refused.status, paths(refused)]).toEqual([400, [path]])
})

test('a tree too deep or too wide is refused', async () => {
  const { call } = await withTables()
  const deep = Array.from({ length: 20 }).reduce<object>(inner => ({ $not: inner }), {})
  const wide = { $and: Array.from({ length: 99 }, () => ({ a: 1, b: 2 })) }
  for (const where of [deep, wide]) expect((await call('POST', '/database/tables/goods/query', { where })).status).toBe(400)
})

test('what a filter matches is removed and counted', async () => {
  const { call } = await withTables()
  await call('POST', goods, { records: [1, 2, 3].map(price => ({ id: `g${price}`, data: { price } })) })
  expect((await call('POST', '/database/tables/goods/delete', { where: { price: { $lt: 3 } } })).body).toEqual({ deleted: 2 })
  expect((await call('GET', goods)).body.items.map(({ id }: { id: string }) => id)).toEqual(['g3'])
  expect((await call('POST', '/database/tables/goods/delete', {})).status).toBe(400)
})

test('a batch works across tables, all or nothing, and answers in order', async () => {
  const { call } = await withTables()
  const operations = [
    { op: 'create', table: 'shops', id: 's', data: { city: 'Bern' } },
    { op: 'create', table: 'goods', data: { shop: 's' } },
    { op: 'replace', table: 'goods', id: 'g', data: { price: 1 } },
    { op: 'merge', table: 'goods', id: 'g', data: { name: 'G' } },
    { op: 'remove', table: 'shops', id: 's' },
  ]
  const done = await call('POST', '/database/batch', { operations })
  expect(done.body.results.map(({ status }: { status: number }) => status)).toEqual([201, 201, 201, 200, 204])
  expect((await call('GET', `${goods}/g`)).body).toMatchObject({ data: { price: 1, name: 'G' }, version: done.body.results[3].version })
  const failed = await call('POST', '/database/batch', {
    operations: [...operations.slice(1, 4), { op: 'remove', table: 'shops', id: 's' }],
  })
  expect([failed.status, paths(failed)]).toEqual([400, ['operations/0']])
  const stale = { op: 'merge', table: 'goods', id: 'g', data: {}, if_version: 1 }
  const late = await call('POST', '/database/batch', {
    operations: [
      { op: 'remove', table: 'goods', id: 'g' },
      { op: 'replace', table: 'goods', id: 'g', data: {} },
      { op: 'replace', table: 'goods', id: 'h', data: {} },
      stale,
    ],
  })
  expect([late.status, late.body.code, paths(late)]).toEqual([412, 'version_mismatch', ['operations/3']])
  for (const id of ['g', 'h']) expect((await call('GET', `${goods}/${id}`)).status).toBe(id === 'g' ? 200 : 404)
})

test('names, operators and values that look like SQL are names and values', async () => {
  const { call, id } = await withTables()
  const nasty = [
    `'; drop table data_records; --`,
    `a' or 'a'='a`,
    '$1',
    '") or true --',
    'data -> id',
    '%',
    '\\',
    "x'::jsonb",
    '{"a":1}',
    '$$; select 1',
  ]
  await call('POST', shops, { records: [{ id: 'safe', data: { a: 1 } }] })
  const query = (body: unknown) => call('POST', '/database/tables/shops/query', body)
  for (const text of nasty) {
    const name = text.replace(/^\$/, 'd')
    for (const where of [
      { [name]: 1 },
      { a: text },
      { a: { $like: text.replace('\\', '') } },
      { [name]: { $in: [text] } },
      { [name]: { $gt: text } },
      { a: { $contains: text } },
    ]) {
      const { status, body } = await query({ where, order: [{ field: name }], select: [name] })
      expect([where, status, body.items]).toEqual([where, 200, []])
    }
    expect((await query({ where: { a: { [`$${text}`]: 1 } } })).status).toBe(400)
    expect((await query({ where: { [`$${text}`]: 1 } })).status).toBe(400)
    const record = await call('PUT', `${shops}/${encodeURIComponent(text)}`, { data: { [name]: text } })
    expect([record.status, record.body.data]).toEqual([201, { [name]: text }])
    expect((await query({ where: { [name]: text } })).body.items).toEqual([record.body])
    expect((await call('POST', '/database/tables/shops/delete', { where: { [name]: text } })).body).toEqual({ deleted: 1 })
  }
  expect((await call('GET', shops)).body.items.map((one: { id: string }) => one.id)).toEqual(['safe'])
  expect(await app.database.sql('select id from data_records where organization_id = $1 and deleted_at is null', [id])).toEqual([
    { id: 'shops/safe' },
  ])
})

test('every row that is written leaves one event', async () => {
  const { call, id } = await withTables()
  await call('POST', shops, {
    records: [
      { id: 'a', data: {} },
      { id: 'b', data: {} },
    ],
  })
  await call('PATCH', `${shops}/a`, { data: { n: 1 } })
  await call('POST', '/database/batch', {
    operations: [
      { op: 'merge', table: 'shops', id: 'a', data: { n: 2 } },
      { op: 'create', table: 'shops', id: 'c', data: {} },
    ],
  })
  await call('POST', '/database/tables/shops/delete', { where: { n: 2 } })
  await call('DELETE', '/database/tables/shops')
  const events = await app.database.sql<{ action: string; entity_id: string }>(
    `select action, entity_id from audit_events where organization_id = $1 and entity_type in ('record', 'table') and entity_id like 'shops%' order by id`,
    [id],
  )
  const told = events.map(({ action, entity_id }) => `${action} ${entity_id}`)
  expect([...told.slice(0, -2), ...told.slice(-2).sort()]).toEqual([
    'create shops',
    ...['create shops/a', 'create shops/b', 'update shops/a', 'update shops/a', 'create shops/c', 'remove shops/a'],
    ...['remove shops', 'remove shops/b', 'remove shops/c'],
  ])
})

test('a record may be named by any text, and tables whose names join alike are kept apart', async () => {
  const { call } = await app.organization()
  for (const table of ['a', 'a/b', 'a%2Fb']) await call('PUT', `/database/tables/${encodeURIComponent(table)}`, { columns: {} })
  const places = [
    ['a', 'b/c'],
    ['a/b', 'c'],
    ['a%2Fb', 'c'],
  ] as const
  const path = ([table, id]: readonly [string, string]) => `/database/tables/${encodeURIComponent(table)}/records/${encodeURIComponent(id)}`
  for (const place of places) expect((await call('PUT', path(place), { data: { place } })).status).toBe(201)
  for (const place of places)
    expect((await call('GET', path(place))).body).toMatchObject({ table: place[0], id: place[1], data: { place } })
})
