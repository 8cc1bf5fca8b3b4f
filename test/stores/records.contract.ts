import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Change, RecordStore } from '../../functions/database/store.ts'
import type { Code } from '../../shared/errors.ts'
import { type Json, LosslessNumber, parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { WhereShape } from '../../shared/where.ts'
import { columns, type Data, toolsOf } from './records.support.ts'
import { all, at, canonical, expectLater, expectRow, expectSame, type Made, type Make, there } from './support.ts'
import type { Stores } from './tables.contract.ts'

/** What every store of records does; it shares its organizations with a store of tables. */
export const recordContract = (kind: string, make: Make<Stores>) =>
  describe(`records, ${kind}`, () => {
    let made: Made<Stores>
    let records: RecordStore
    beforeAll(async () => {
      made = await make()
      records = made.stores.records
    })
    afterAll(() => made.stop())

    const { own, create, many, change, wire, ids, refused } = toolsOf(() => made)

    test('a record is answered as it was made, and read so again', async () => {
      const scope = await own()
      const [row] = await create(scope, 'a', { text: 'x', other: null })
      expectRow(row, wire(scope, 'a', { text: 'x', other: null }))
      expectSame(await records.get(scope, 't', 'a'), row)
      expect(await records.get(scope, 't', 'b')).toBeUndefined()
      expect(await records.get(scope, 'strict', 'a')).toBeUndefined()
    })

    test('data keeps every digit, every key and every character', async () => {
      const scope = await own()
      const text = '{"odd":9007199254740993,"long":0.12345678901234567890,"__proto__":{"constructor":1},"":"","é":"\\u00e9\\ud83d\\ude00"}'
      const data = parseJson(text) as Data
      await create(scope, 'a', data)
      await change(scope, 'merge', 'a', { more: 1 })
      const kept = parse(there(await records.get(scope, 't', 'a'))).data
      expect(canonical(kept)).toBe(canonical(Object.defineProperty({ ...data }, 'more', { value: 1, enumerable: true })))
    })

    test('without its table nothing is found and nothing is written', async () => {
      const scope = await own()
      const slice = all
      await refused(records.list(scope, 'none', slice), 'not_found')
      await refused(records.query(scope, 'none', { where: { all: [] }, order: [], select: undefined }, slice), 'not_found')
      await refused(create(scope, 'a', {}, 1, 'none'), 'not_found')
      await refused(records.change(scope, { op: 'replace', table: 'none', id: 'a', data: {} }, at(1)), 'not_found')
      await refused(records.removeWhere(scope, 'none', { all: [] }, at(1), []), 'not_found')
      await refused(records.changeAll(scope, [{ op: 'create', table: 'none', id: 'a', data: {} }], at(1)), 'not_found', 'operations/0')
    })

    test.each<[string, string]>([
      ['{"text":1}', 'text'],
      ['{"text":{}}', 'text'],
      ['{"count":1.5}', 'count'],
      ['{"count":"1"}', 'count'],
      ['{"count":1e-2}', 'count'],
      ['{"price":"1"}', 'price'],
      ['{"done":0}', 'done'],
      ['{"at":"2026-01-01T00:00:00"}', 'at'],
      ['{"at":"2026-02-30T00:00:00Z"}', 'at'],
      ['{"at":1}', 'at'],
      ['{"at":"now"}', 'at'],
      ['{"key":"1"}', 'key'],
      ['{"next":"nobody"}', 'next'],
      ['{"next":7}', 'next'],
      ['{"named":"nobody"}', 'named'],
      ['{"text":[],"price":true,"any":[]}', 'price text'],
    ])('%s does not fit, and is told by its path', async (text, fields) => {
      const scope = await own()
      const data = parseJson(text) as Data
      const at_ = (path: string) => fields.split(' ').map(field => `${path}/${field}`)
      await refused(create(scope, 'a', data), 'invalid_request', ...at_('data'))
      await refused(
        many(
          scope,
          [
            { id: 'b', data: {} },
            { id: 'c', data },
          ],
          'merge',
        ),
        'invalid_request',
        ...at_('records/1/data'),
      )
      await refused(change(scope, 'replace', 'a', data), 'invalid_request', ...at_('data'))
      expect((await records.list(scope, 't', all)).items).toEqual([])
    })

    test('what fits is taken: null in every column, whole numbers however they are written, a record of the same request', async () => {
      const scope = await own()
      const none = Object.fromEntries(Object.keys(columns).map(name => [name, null])) as Data
      await create(scope, 'none', none)
      const text = `{"text":"","count":1.0,"price":-1e-7,"done":false,"at":"2026-01-01T00:00:00.123456+05:30","any":{"a":[]},
        "key":"01A20A5D-afdb-70ec-b21c-91c7c593c8c4","next":"b"}`
      await many(
        scope,
        [
          { id: 'a', data: parseJson(text) as Data },
          { id: 'b', data: { next: 'b', count: new LosslessNumber('12345678901234567890') } },
        ],
        'error',
      )
      expect((await records.list(scope, 't', all)).items).toHaveLength(3)
    })

    test('a strict table refuses what it does not declare, an open one takes it', async () => {
      const scope = await own()
      await refused(
        create(scope, 'a', { text: 'x', more: 1, 'and/more': null }, 1, 'strict'),
        'invalid_request',
        'data/and/more',
        'data/more',
      )
      await create(scope, 'a', { text: 'x', more: 1 })
    })

    test('of several records none is made when one is there already', async () => {
      const scope = await own()
      const [first] = await create(scope, 'b', { text: 'first' })
      await refused(
        many(
          scope,
          [
            { id: 'a', data: {} },
            { id: 'b', data: {} },
          ],
          'error',
        ),
        'conflict',
        'records/1/id',
      )
      expect(await records.get(scope, 't', 'a')).toBeUndefined()
      expectSame(await records.get(scope, 't', 'b'), first)
    })

    test('several records are merged with what is there, or replace it, and are answered in their order', async () => {
      const scope = await own()
      await create(scope, 'b', { text: 'first', price: 1 })
      const merged = await many(
        scope,
        [
          { id: 'z', data: {} },
          { id: 'b', data: { price: 2, more: 3 } },
          { id: 'a', data: {} },
        ],
        'merge',
      )
      expect(merged.map(({ id }) => id)).toEqual(['z', 'b', 'a'])
      expectRow(merged[1], wire(scope, 'b', { text: 'first', price: 2, more: 3 }, 1, 2))
      const [replaced] = await many(scope, [{ id: 'b', data: { done: true } }], 'replace', 3)
      expectRow(replaced, wire(scope, 'b', { done: true }, 1, 3))
      expectSame(await records.get(scope, 't', 'b'), replaced)
    })

    test('a thousand records are made at once', async () => {
      const scope = await own()
      const list = Array.from({ length: 1000 }, (_, n) => ({ id: `r${n}`, data: { count: n } }))
      expect((await many(scope, list, 'error')).map(({ id }) => id)).toEqual(list.map(({ id }) => id))
      expect(await ids(scope, { count: { $gte: 997 } }, { order: [{ field: 'count' }] })).toEqual(['r997', 'r998', 'r999'])
    })

    test('a record is replaced, merged and removed, each a later version', async () => {
      const scope = await own()
      const first = await change(scope, 'replace', 'a', { text: 'x', price: 1 }, undefined, 1)
      expect(first.created).toBe(true)
      const second = await change(scope, 'merge', 'a', { price: null }, first.row.version)
      expectRow(second.row, wire(scope, 'a', { text: 'x', price: null }, 1, 2))
      const third = await change(scope, 'replace', 'a', { done: true }, second.row.version, 3)
      expect(third.created).toBe(false)
      expectRow(third.row, wire(scope, 'a', { done: true }, 1, 3))
      const gone = await change(scope, 'remove', 'a', undefined, third.row.version, 4)
      for (const [later, earlier] of [
        [second, first],
        [third, second],
        [gone, third],
      ] as const)
        expectLater(later.row, earlier.row)
      expect(await records.get(scope, 't', 'a')).toBeUndefined()
      const again = await create(scope, 'a', { text: 'again' }, 5)
      expectRow(again[0], wire(scope, 'a', { text: 'again' }, 5))
    })

    test('an old version changes nothing, and what is missing cannot be merged, removed or meant by a version', async () => {
      const scope = await own()
      const { row } = await change(scope, 'replace', 'a', {}, undefined, 1)
      const second = await change(scope, 'merge', 'a', { text: 'new' })
      for (const op of ['replace', 'merge', 'remove'] as const)
        await refused(change(scope, op, 'a', op === 'remove' ? undefined : {}, row.version), 'version_mismatch')
      expectSame(await records.get(scope, 't', 'a'), second.row)
      await refused(change(scope, 'replace', 'b', {}, '1'), 'version_mismatch')
      await refused(change(scope, 'merge', 'b', {}), 'not_found')
      await refused(change(scope, 'remove', 'b'), 'not_found')
    })

    test('a batch changes several tables in its order, and answers so', async () => {
      const scope = await own()
      await create(scope, 'old', { text: 'old' })
      const results = await records.changeAll(
        scope,
        [
          { op: 'create', table: 't', id: 'a', data: { text: 'one' } },
          { op: 'create', table: 'strict', id: 'a', data: { next: 'a' } },
          { op: 'merge', table: 't', id: 'a', data: { price: 2 } },
          { op: 'replace', table: 't', id: 'b', data: {} },
          { op: 'remove', table: 't', id: 'old' },
          { op: 'create', table: 't', id: 'old', data: { text: 'new' } },
        ],
        at(2),
      )
      expect(results.map(({ status, id }) => [status, id])).toEqual([
        [201, 'a'],
        [201, 'a'],
        [200, 'a'],
        [201, 'b'],
        [204, 'old'],
        [201, 'old'],
      ])
      const row = there(await records.get(scope, 't', 'a'))
      expect([row.version, parse(row).data]).toEqual([results[2]?.version, { text: 'one', price: 2 }])
      expect(parse(there(await records.get(scope, 't', 'old'))).data).toEqual({ text: 'new' })
    })

    test.each<[Code, Change]>([
      ['conflict', { op: 'create', table: 't', id: 'there', data: {} }],
      ['not_found', { op: 'merge', table: 't', id: 'nobody', data: {} }],
      ['not_found', { op: 'remove', table: 't', id: 'nobody' }],
      ['not_found', { op: 'remove', table: 'none', id: 'there' }],
      ['version_mismatch', { op: 'merge', table: 't', id: 'there', data: {}, ifVersion: '1' }],
      ['invalid_request', { op: 'merge', table: 't', id: 'there', data: { text: 1 } }],
    ])('a batch with a %s in it does nothing, and names the operation', async (code, bad) => {
      const scope = await own()
      const [row] = await create(scope, 'there', { text: 'x' })
      const good: Change[] = [
        { op: 'create', table: 't', id: 'new', data: {} },
        { op: 'merge', table: 't', id: 'there', data: { text: 'y' } },
      ]
      await refused(records.changeAll(scope, [...good, bad], at(2)), code, 'operations/2')
      expectSame(await records.get(scope, 't', 'there'), row)
      expect(await records.get(scope, 't', 'new')).toBeUndefined()
    })

    test('what a filter matches is removed and counted, and nothing else', async () => {
      const scope = await own()
      for (const n of [1, 2, 3, 4]) await create(scope, `r${n}`, { price: n, text: n % 2 ? 'odd' : 'even' })
      await create(scope, 'r1', {}, 1, 'strict')
      const everything = (await records.list(scope, 't', all)).items.map(({ id }) => id)
      const remove = (where: Json) => records.removeWhere(scope, 't', WhereShape.parse(where), at(2), everything)
      expect(await remove({ price: { $gt: 9 } })).toBe(0)
      expect(await remove({ price: { $gt: 1 }, text: 'odd' })).toBe(1)
      expect(await ids(scope, {})).toEqual(['r4', 'r2', 'r1'])
      expect(await records.removeWhere(scope, 't', { all: [] }, at(3), ['r1', 'r2', 'gone'])).toBe(2)
      expect(await ids(scope, {})).toEqual(['r4'])
      expect((await records.list(scope, 'strict', all)).items).toHaveLength(1)
    })
  })
