import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaqChange, FaqStore, NewFaq } from '../../functions/rag/faqs.store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import { type Json, parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { WhereShape } from '../../shared/where.ts'
import {
  all,
  at,
  canonical,
  expectLater,
  expectRow,
  expectSame,
  expectStale,
  type Made,
  type Make,
  there,
  unembedded,
  walk,
} from './support.ts'

const NEW = { id: 'f', question: 'When?', answer: 'From 8 to 5.', category: 'hours', metadata: { floor: 2 }, language: 'en' }

/** What every store of questions does, whatever it keeps them in. */
export const faqContract = (kind: string, make: Make<{ faqs: FaqStore }>) =>
  describe(`faqs, ${kind}`, () => {
    let made: Made<{ faqs: FaqStore }>
    let faqs: FaqStore
    beforeAll(async () => {
      made = await make()
      faqs = made.stores.faqs
    })
    afterAll(() => made.stop())

    type Fields = Partial<Omit<NewFaq, 'embedded'>>
    const own = (): Scope => made.scope(newId('org'))
    const of = (fields: Fields = {}): NewFaq => ({ ...NEW, ...fields, embedded: unembedded })
    const wire = ({ organization_id }: Scope, fields: Fields, created = 1, updated = created) => ({
      ...{ ...NEW, ...fields, organization_id },
      ...{ created_at: at(created), updated_at: at(updated) },
    })
    const create = async (scope: Scope, fields: Fields = {}, n = 1) => there((await faqs.create(scope, [of(fields)], at(n), ''))[0])
    const put = (scope: Scope, fields: Fields, n: number, ifMatch?: string) => faqs.put(scope, of(fields), at(n), ifMatch)
    const update = (scope: Scope, change: FaqChange, n: number, ifMatch?: string) =>
      faqs.update(scope, 'f', change, unembedded, at(n), ifMatch)
    const ids = async (scope: Scope) => (await walk(slice => faqs.list(scope, slice), 200)).flat()
    const where = (filter: Json) => WhereShape.parse(filter)
    const refused = (work: Promise<unknown>, ...paths: string[]) =>
      expect(work).rejects.toSatisfy(
        error => error instanceof Refusal && error.code === 'conflict' && `${error.errors?.map(({ path }) => path)}` === `${paths}`,
      )

    test('a question is answered as it was created, and read so again', async () => {
      const scope = own()
      const row = await create(scope)
      expectRow(row, wire(scope, {}))
      expectSame(await faqs.get(scope, 'f'), row)
      const bare = { id: 'bare', category: null, metadata: {}, language: null, answer: '' }
      expectRow(await create(scope, bare), wire(scope, bare))
    })

    test('metadata keeps every digit', async () => {
      const scope = own()
      const metadata = parseJson(
        '{"odd":9007199254740993,"tenth":0.1,"big":12345678901234567890,"__proto__":{"a":null}}',
      ) as NewFaq['metadata']
      await create(scope, { metadata })
      expect(canonical(parse(there(await faqs.get(scope, 'f'))).metadata)).toBe(canonical(metadata))
    })

    test('several are created in their order, and lie by time and id', async () => {
      const scope = own()
      const rows = await faqs.create(
        scope,
        ['b', 'a', 'c'].map(id => of({ id, question: `of ${id}` })),
        at(1),
        'faqs',
      )
      expect(rows.map(({ id }) => id)).toEqual(['b', 'a', 'c'])
      expect(rows.map(row => parse(row).question)).toEqual(['of b', 'of a', 'of c'])
      await create(scope, { id: 'd' }, 2)
      expect(await ids(scope)).toEqual(['d', 'c', 'b', 'a'])
      for (const limit of [1, 2, 3]) expect((await walk(slice => faqs.list(scope, slice), limit)).flat()).toEqual(['d', 'c', 'b', 'a'])
    })

    test('where one id is taken none is created, and the refusal says which', async () => {
      const scope = own()
      const first = await create(scope, { id: 'b' })
      await refused(
        faqs.create(
          scope,
          ['a', 'b'].map(id => of({ id })),
          at(2),
          'faqs',
        ),
        'faqs/1/id',
      )
      await refused(faqs.create(scope, [of({ id: 'b' })], at(2), ''), 'id')
      expect(await ids(scope)).toEqual(['b'])
      expectSame(await faqs.get(scope, 'b'), first)
    })

    test('what is not there is undefined, whatever is done to it', async () => {
      const scope = own()
      expect(await faqs.get(scope, 'f')).toBeUndefined()
      expect(await update(scope, { answer: 'New' }, 2)).toBeUndefined()
      expect(await faqs.remove(scope, 'f', at(2), undefined)).toBeUndefined()
      expect(await faqs.list(scope, all)).toEqual({ items: [], next: undefined })
      expect(await faqs.matching(scope, where({}))).toEqual([])
      expect(await faqs.removeWhere(scope, where({}), at(2), [])).toBe(0)
    })

    test('a put makes what is not there, and replaces what is, whole', async () => {
      const scope = own()
      const first = await put(scope, {}, 1)
      expect(first.created).toBe(true)
      expectRow(first.row, wire(scope, {}))
      const other = { question: 'Where?', category: null, metadata: {} }
      const second = await put(scope, other, 2, first.row.version)
      expect(second.created).toBe(false)
      expect((await put(scope, { id: 'g' }, 5)).created).toBe(true)
      expect((await put(scope, { id: 'g' }, 5)).created).toBe(false) // in the same moment
      await faqs.remove(scope, 'g', at(5), undefined)
      expect((await put(scope, { id: 'g' }, 5)).created).toBe(true)
      await faqs.remove(scope, 'g', at(5), undefined)
      expectRow(second.row, wire(scope, other, 1, 2))
      expectLater(second.row, first.row)
      await expectStale(put(scope, {}, 3, first.row.version))
      await expectStale(put(scope, { id: 'none' }, 3, first.row.version))
      expectSame(await faqs.get(scope, 'f'), second.row)
      expect(await ids(scope)).toEqual(['f'])
    })

    test('a patch changes what it names, null included, and leaves the rest', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await update(scope, { category: null, answer: 'Never.' }, 2))
      expectRow(second, wire(scope, { category: null, answer: 'Never.' }, 1, 2))
      const third = there(await update(scope, { metadata: { a: 1 }, language: null, question: 'When then?' }, 3, second.version))
      const changed = { category: null, answer: 'Never.', metadata: { a: 1 }, language: null, question: 'When then?' }
      expectRow(third, wire(scope, changed, 1, 3))
      const fourth = there(await update(scope, {}, 4))
      expectRow(fourth, wire(scope, changed, 1, 4))
      for (const [later, earlier] of [
        [second, first],
        [third, second],
        [fourth, third],
      ] as const)
        expectLater(later, earlier)
      await expectStale(update(scope, { answer: 'Late' }, 5, third.version))
      await expectStale(faqs.remove(scope, 'f', at(5), third.version))
      expectSame(await faqs.get(scope, 'f'), fourth)
    })

    test('the id of a removed one is free for any way to make it, and what it held is forgotten', async () => {
      const scope = own()
      await create(scope)
      const gone = there(await faqs.remove(scope, 'f', at(2), undefined))
      expectRow(gone, wire(scope, {}, 1, 2))
      expect(await faqs.get(scope, 'f')).toBeUndefined()
      const second = await put(scope, { metadata: {} }, 3)
      expect(second.created).toBe(true)
      expectRow(second.row, wire(scope, { metadata: {} }, 3))
      expectLater(second.row, gone)
      await faqs.remove(scope, 'f', at(4), undefined)
      expectRow(await create(scope, { answer: 'Again' }, 5), wire(scope, { answer: 'Again' }, 5))
    })

    test('a filter finds by metadata and by category, which is missing where there is none', async () => {
      const scope = own()
      const rows: Fields[] = [
        { id: '1', category: 'a', metadata: { n: 1, tags: ['x', 'y'] } },
        { id: '2', category: 'b', metadata: { n: 2 } },
        { id: '3', category: null, metadata: { n: 10, text: 'Ärzte' } },
        { id: '4', category: null, metadata: { category: 'of its own' } },
      ]
      for (const row of rows) await create(scope, row)
      const found = (filter: Json) => faqs.matching(scope, where(filter))
      expect(await found({})).toEqual(['1', '2', '3', '4'])
      expect(await found({ category: 'a' })).toEqual(['1'])
      expect(await found({ category: { $ne: 'a' } })).toEqual(['2', '3', '4'])
      expect(await found({ category: { $exists: false } })).toEqual(['3'])
      expect(await found({ category: 'of its own' })).toEqual(['4'])
      expect(await found({ n: { $gt: 1 } })).toEqual(['2', '3'])
      expect(await found({ n: '1' })).toEqual([])
      expect(await found({ tags: { $contains: 'y' } })).toEqual(['1'])
      expect(await found({ $or: [{ text: { $ilike: 'ä%' } }, { category: 'b', n: 2 }] })).toEqual(['2', '3'])
    })

    test('what a filter matches is removed, of those that are named, and counted', async () => {
      const scope = own()
      for (const id of ['1', '2', '3', '4']) await create(scope, { id, metadata: { odd: Number(id) % 2 } })
      expect(await faqs.removeWhere(scope, where({ odd: 1 }), at(2), ['1', '2', 'none'])).toBe(1)
      expect(await ids(scope)).toEqual(['4', '3', '2'])
      expect(await faqs.removeWhere(scope, where({ category: 'hours' }), at(3), ['2', '3', '4'])).toBe(3)
      expect(await ids(scope)).toEqual([])
    })

    test('another organization neither sees, changes nor removes a question, and its id is free there', async () => {
      const [mine, theirs] = [own(), own()]
      const row = await create(mine)
      expect(await faqs.get(theirs, 'f')).toBeUndefined()
      expect(await update(theirs, { answer: 'Theirs' }, 2)).toBeUndefined()
      expect(await faqs.matching(theirs, where({}))).toEqual([])
      expect(await faqs.removeWhere(theirs, where({}), at(2), ['f'])).toBe(0)
      expect((await put(theirs, { answer: 'Theirs' }, 2)).created).toBe(true)
      expectSame(await faqs.get(mine, 'f'), row)
    })

    test('of many creations of one id at once one is made, and of many changes of one version one', async () => {
      const scope = own()
      const count = async (tries: Promise<unknown>[]) =>
        (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled').length
      expect(await count(Array.from({ length: 8 }, (_, n) => create(scope, { answer: `n${n}` })))).toBe(1)
      const { version } = there(await faqs.get(scope, 'f'))
      expect(await count(Array.from({ length: 8 }, (_, n) => put(scope, { answer: `m${n}` }, 2, version)))).toBe(1)
      expect(await count(Array.from({ length: 8 }, (_, n) => put(scope, { answer: `o${n}` }, 3)))).toBe(8)
    })
  })
