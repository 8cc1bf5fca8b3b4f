import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removingByKeys } from '../../functions/database/remove.ts'
import type { Asked, RecordStore } from '../../functions/database/store.ts'
import { parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { WhereShape } from '../../shared/where.ts'
import { toolsOf } from './records.support.ts'
import { all, at, expectSame, type Made, type Make, walk } from './support.ts'
import type { Stores } from './tables.contract.ts'

/** What every store of records answers to whoever looks for some of them. */
export const queryContract = (kind: string, make: Make<Stores>) =>
  describe(`queries of records, ${kind}`, () => {
    let made: Made<Stores>
    let records: RecordStore
    beforeAll(async () => {
      made = await make()
      records = made.stores.records
    })
    afterAll(() => made.stop())

    const { own, create, change, ids, refused } = toolsOf(() => made)

    test('a list is newest first, by its table alone, and its pages hold each record once', async () => {
      const scope = await own()
      for (const [i, id] of ['c', 'a', '😀', 'b', 'd'].entries()) await create(scope, id, {}, i < 3 ? 1 : 2)
      await create(scope, 'other', {}, 1, 'strict')
      for (const limit of [1, 2, 5, 200])
        expect((await walk(slice => records.list(scope, 't', slice), limit)).flat()).toEqual(['d', 'b', '😀', 'c', 'a'])
      expect((await records.list(scope, 't', { limit: 1, after: undefined })).next).toEqual([at(2), 'd'])
    })

    test('an order sorts false, true, numbers, texts, then what has no order; both ways, over pages', async () => {
      const scope = await own()
      const values = [
        'null',
        'true',
        '10',
        '"b"',
        '-3',
        '"B"',
        'false',
        '9007199254740993',
        '9007199254740992.5',
        '[]',
        '-3.5',
        '""',
        '0.1',
      ]
      for (const [i, text] of values.entries()) await create(scope, `v${i}`, { any: parseJson(text) }, i)
      await create(scope, 'missing', {}, 50)
      const upwards = ['v6', 'v1', 'v10', 'v4', 'v12', 'v2', 'v8', 'v7', 'v11', 'v5', 'v3']
      const last = ['missing', 'v9', 'v0']
      for (const limit of [1, 4, 200]) {
        const sorted = async (direction: 'asc' | 'desc') => {
          const asked: Asked = { where: { all: [] }, order: [{ field: 'any', direction }], select: [] }
          return (await walk(slice => records.query(scope, 't', asked, slice), limit)).flat()
        }
        expect(await sorted('asc')).toEqual([...upwards, ...last])
        expect(await sorted('desc')).toEqual([...upwards.toReversed(), ...last])
      }
    })

    test('times are compared as times where the column says so, and as texts elsewhere', async () => {
      const scope = await own()
      const times = ['2026-01-01T00:30:00+01:00', '2026-01-01T00:00:00.5Z', '2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z']
      for (const [i, time] of times.entries()) await create(scope, `t${i}`, { at: time, text: time })
      const order = [{ field: 'at' }]
      expect(await ids(scope, {}, { order })).toEqual(['t0', 't3', 't2', 't1'])
      expect(await ids(scope, { at: { $gt: '2026-01-01T00:00:00Z' } })).toEqual(['t1'])
      expect(await ids(scope, { at: { $gte: '2026-01-01T02:00:00+02:00', $lt: '2026-01-01T00:00:01Z' } }, { order })).toEqual(['t2', 't1'])
      expect(await ids(scope, { text: { $gt: '2026-01-01T00:00:00Z' } })).toEqual(['t0'])
      expect(await ids(scope, { at: '2026-01-01T01:00:00+01:00' })).toEqual([])
    })

    test('a range of an indexed text with one bound alone finds every character, for who reads and for who removes', async () => {
      const scope = await own()
      const indexed = { columns: { name: { type: 'json', indexed: true } }, strict: false, at: at(0) } as const
      await made.stores.tables.put(scope, 'texts', indexed, undefined)
      const names = ['A', 'Z', 'a', 'z', '{', '~', '~~', '\u007f', 'ä', 'ÿ', '\uffee', '😀']
      for (const [i, name] of names.entries()) await create(scope, `t${i}`, { name }, i, 'texts')
      for (const [i, data] of [{ name: 1 }, { name: true }, { name: null }, {}].entries()) await create(scope, `n${i}`, data, 50, 'texts')
      const order = [{ field: 'name' }]
      for (const [where, expected] of [
        [{ name: { $gt: 'a' } }, names.slice(3)],
        [{ name: { $gte: '~' } }, names.slice(5)],
        [{ name: { $gt: 'ä' } }, names.slice(9)],
        [{ name: { $lt: '~' } }, names.slice(0, 5)],
        [{ name: { $lte: '😀' } }, names],
        [{ name: { $gt: 'a', $lt: '😀' } }, names.slice(3, -1)],
      ] as const) {
        const asked = { where: WhereShape.parse(where), order, select: undefined }
        const pages = await walk(slice => records.query(scope, 'texts', asked, slice), 3)
        expect([where, pages.flat()]).toEqual([where, expected.map(name => `t${names.indexOf(name)}`)])
        const newest = await records.query(scope, 'texts', { ...asked, order: [] }, all)
        expect(newest.items.map(({ id }) => id)).toEqual(pages.flat().toReversed())
      }
      const where = WhereShape.parse({ name: { $gt: 'z' } })
      expect(await removingByKeys(records).removeWhere(scope, 'texts', where, at(60))).toBe(names.length - 4)
      expect((await records.query(scope, 'texts', { where, order: [], select: [] }, all)).items).toEqual([])
    })

    test('null is a value, in an indexed column too, and missing is none', async () => {
      const scope = await own()
      await create(scope, 'null', { price: null }, 1)
      await create(scope, 'missing', {}, 2)
      await create(scope, 'zero', { price: 0 }, 3)
      expect(await ids(scope, { price: null })).toEqual(['null'])
      expect(await ids(scope, { price: { $in: [null, 0] } })).toEqual(['zero', 'null'])
      expect(await ids(scope, { price: { $ne: null } })).toEqual(['zero', 'missing'])
      expect(await ids(scope, { price: { $nin: [0] } })).toEqual(['missing', 'null'])
      expect(await ids(scope, { price: { $exists: false } })).toEqual(['missing'])
      expect(await ids(scope, { price: { $lte: 0 } })).toEqual(['zero'])
      expect(await ids(scope, { price: '0' })).toEqual([])
    })

    test('a query answers the fields that it selects', async () => {
      const scope = await own()
      await create(scope, 'a', { text: 'x', price: 1, any: null })
      const asked = { where: WhereShape.parse({}), order: [], select: ['any', 'none', 'price'] }
      expect((await records.query(scope, 't', asked, all)).items.map(row => parse(row).data)).toEqual([{ any: null, price: 1 }])
    })

    test('a cursor of another query is refused', async () => {
      const scope = await own()
      await refused(
        records.query(scope, 't', { where: { all: [] }, order: [], select: [] }, { limit: 1, after: ['x'] }),
        'invalid_request',
        'cursor',
      )
    })

    test('a record of another organization is missing, whatever is asked', async () => {
      const [mine, theirs] = [await own(), await own()]
      const [row] = await create(mine, 'a', { text: 'mine', price: 1 })
      expect(await records.get(theirs, 't', 'a')).toBeUndefined()
      expect((await records.list(theirs, 't', all)).items).toEqual([])
      for (const where of [{ text: 'mine' }, { price: 1 }, { price: { $gt: 0 } }]) expect(await ids(theirs, where)).toEqual([])
      expect(await records.removeWhere(theirs, 't', { all: [] }, at(2), ['a'])).toBe(0)
      await refused(change(theirs, 'remove', 'a'), 'not_found')
      await refused(create(theirs, 'b', { next: 'a' }), 'invalid_request', 'data/next')
      expectSame(await records.get(mine, 't', 'a'), row)
    })
  })
