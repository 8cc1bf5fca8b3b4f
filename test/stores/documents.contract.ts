import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DocumentChange, DocumentStore, NewDocument, Pieces } from '../../functions/rag/documents.store.ts'
import { piecesOf } from '../../functions/rag/pieces.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { newId } from '../../shared/id.ts'
import { parseJson } from '../../shared/json.ts'
import { parse } from '../../shared/record.ts'
import { type Where, WhereShape } from '../../shared/where.ts'
import { all, at, canonical, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, walk } from './support.ts'

const NEW = { id: 'd', title: 'Wings', content: 'A wing lifts.', metadata: { year: 1958 }, language: null, embedding: null }
type Given = Partial<Omit<NewDocument, 'pieces'>>
type Chunks = { content: string; embedding?: number[] }[]

/** What every store of documents does, whatever it keeps them in. */
export const documentContract = (kind: string, make: Make<{ documents: DocumentStore }>) =>
  describe(`documents, ${kind}`, () => {
    let made: Made<{ documents: DocumentStore }>
    let documents: DocumentStore
    beforeAll(async () => {
      made = await make()
      documents = made.stores.documents
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const wire = (scope: Scope, given: Given, created: number, updated = created) => ({
      ...{ ...NEW, ...given, organization_id: scope.organization_id },
      ...{ created_at: at(created), updated_at: at(updated) },
    })
    const pieces = async (content: string, chunks?: Chunks) =>
      (await piecesOf(undefined, made.scope('none'), [{ content, chunks }]))[0] as Pieces
    const whole = async (given: Given = {}, chunks?: Chunks): Promise<NewDocument> => {
      const document = { ...NEW, ...given }
      return { ...document, pieces: await pieces(document.content, chunks) }
    }
    const create = async (scope: Scope, given: Given = {}, n = 1) =>
      there((await documents.create(scope, [await whole(given)], 'error', at(n), ''))[0])
    const put = async (scope: Scope, given: Given, n: number, chunks?: Chunks, ifMatch?: string) =>
      documents.put(scope, await whole(given, chunks), at(n), ifMatch)
    const update = async (scope: Scope, change: DocumentChange, n: number, ifMatch?: string) => {
      const anew = change.content === undefined ? {} : { pieces: await pieces(change.content) }
      return documents.update(scope, 'd', { ...change, ...anew }, at(n), ifMatch)
    }
    const where = (filter: object): Where => WhereShape.parse(filter)
    const ids = async (scope: Scope) => (await documents.list(scope, all)).items.map(({ id }) => id)

    test('a document is answered as it was created, and read so again', async () => {
      const scope = own()
      const row = await create(scope)
      expectRow(row, wire(scope, {}, 1))
      expectSame(await documents.get(scope, 'd'), row)
    })

    test('a document that is not there is undefined, whatever is done to it', async () => {
      const scope = own()
      expect(await documents.get(scope, 'd')).toBeUndefined()
      expect(await update(scope, { title: 'New' }, 2)).toBeUndefined()
      expect(await update(scope, { content: 'New' }, 2, '1')).toBeUndefined()
      expect(await documents.remove(scope, 'd', at(2), undefined)).toBeUndefined()
      expect(await documents.list(scope, all)).toEqual({ items: [], next: undefined })
      expect(await documents.removeWhere(scope, where({}), at(2), ['d'])).toBe(0)
    })

    test('of several either all are created, in their order, or none: the one that is taken is named', async () => {
      const scope = own()
      const three = await Promise.all(['c', 'a', 'b'].map(id => whole({ id })))
      expect((await documents.create(scope, three, 'error', at(1), 'documents')).map(({ id }) => id)).toEqual(['c', 'a', 'b'])
      const more = await Promise.all(['e', 'a'].map(id => whole({ id, title: 'Second' })))
      const refused = await documents.create(scope, more, 'error', at(2), 'documents').catch(error => error as Refusal)
      expect(refused).toBeInstanceOf(Refusal)
      expect(refused).toMatchObject({ code: 'conflict', errors: [{ path: 'documents/1/id' }] })
      expect(await documents.get(scope, 'e')).toBeUndefined()
      expect(parse(there(await documents.get(scope, 'a'))).title).toBe('Wings')
    })

    test('where they are to be replaced, what is the same keeps its version, and the rest is written', async () => {
      const scope = own()
      const a = await create(scope, { id: 'a' })
      await create(scope, { id: 'b' })
      const three = await Promise.all([whole({ id: 'a' }), whole({ id: 'b', title: 'Tails' }), whole({ id: 'c' })])
      const rows = await documents.create(scope, three, 'replace', at(2), 'documents')
      expectSame(rows[0], a)
      expectRow(rows[1], wire(scope, { id: 'b', title: 'Tails' }, 1, 2))
      expectRow(rows[2], wire(scope, { id: 'c' }, 2))
    })

    test('a put makes a document, replaces it whole, and leaves it as it is where it is the same', async () => {
      const scope = own()
      const first = await put(scope, { language: 'en', metadata: { a: 1, b: [] } }, 1)
      expect(first.created).toBe(true)
      const same = await put(scope, { language: 'en', metadata: { b: [], a: 1.0 } }, 2)
      expect(same.created).toBe(false)
      expectSame(same.row, first.row)
      const other = await put(scope, { title: 'Tails' }, 3)
      expect(other.created).toBe(false)
      expectRow(other.row, wire(scope, { title: 'Tails' }, 1, 3))
      expectLater(other.row, first.row)
    })

    test('an old version neither changes nor removes, not even to what is there already; the present one does', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await update(scope, { title: 'New' }, 2, first.version))
      await expectStale(put(scope, { title: 'New' }, 3, undefined, first.version))
      await expectStale(update(scope, { title: 'Late' }, 3, first.version))
      await expectStale(documents.remove(scope, 'd', at(3), first.version))
      await expectStale(put(scope, { id: 'none' }, 3, undefined, first.version))
      expectSame(await documents.get(scope, 'd'), second)
      expectSame((await put(scope, { title: 'New' }, 3, undefined, second.version)).row, second)
      expectRow(await documents.remove(scope, 'd', at(3), second.version), wire(scope, { title: 'New' }, 1, 3))
    })

    test('a patch changes what it names, and writes nothing where that is the same', async () => {
      const scope = own()
      const first = await create(scope, { language: 'en' })
      expectSame(await update(scope, { title: 'Wings', content: NEW.content }, 2), first)
      expectSame(await update(scope, {}, 2), first)
      const second = there(await update(scope, { metadata: {}, language: null }, 3))
      expectRow(second, wire(scope, { metadata: {}, language: null }, 1, 3))
    })

    test('an embedding is kept as 32 bits hold it, and goes with its content', async () => {
      const scope = own()
      const embedding = [0.1, -0.33333334, 16777216, 1e-20, 0]
      await create(scope, { embedding })
      expectRow(await documents.get(scope, 'd'), wire(scope, { embedding }, 1))
      const same = there(await update(scope, { content: NEW.content, title: 'New' }, 2))
      expectRow(same, wire(scope, { embedding, title: 'New' }, 1, 2))
      expectSame(await update(scope, { embedding }, 3), same)
      expectRow(await update(scope, { embedding: [1, 2] }, 3), wire(scope, { embedding: [1, 2], title: 'New' }, 1, 3))
      expectRow(await update(scope, { content: 'Other.' }, 4), wire(scope, { title: 'New', content: 'Other.' }, 1, 4))
      const both = await update(scope, { content: 'Third.', embedding }, 5)
      expectRow(both, wire(scope, { title: 'New', content: 'Third.', embedding }, 1, 5))
      expectRow(await update(scope, { embedding: null }, 6), wire(scope, { title: 'New', content: 'Third.' }, 1, 6))
    })

    test('chunks that a caller gives belong to the document: others, or other vectors, are another version', async () => {
      const scope = own()
      const chunks = [{ content: 'A wing', embedding: [1, 2] }, { content: 'lifts.' }]
      const first = (await put(scope, {}, 1, chunks)).row
      expectSame((await put(scope, {}, 2, chunks)).row, first)
      const second = (await put(scope, {}, 2, [{ content: 'A wing', embedding: [2, 1] }, { content: 'lifts.' }])).row
      expectLater(second, first)
      const third = (await put(scope, {}, 3, [{ content: 'A wing' }, { content: 'lifts.' }])).row
      expectLater(third, second)
      expectSame(await update(scope, {}, 4), third)
      expectLater((await put(scope, {}, 4)).row, third)
    })

    test('a removed document is missing everywhere, and its id is free again', async () => {
      const scope = own()
      const first = (await put(scope, { embedding: [1] }, 1, [{ content: 'Old', embedding: [1] }])).row
      const tombstone = there(await documents.remove(scope, 'd', at(2), undefined))
      expectLater(tombstone, first)
      expect(await documents.get(scope, 'd')).toBeUndefined()
      expect(await ids(scope)).toEqual([])
      expect(await update(scope, { title: 'New' }, 3)).toBeUndefined()
      const again = await create(scope, { title: 'Again' }, 3)
      expectRow(again, wire(scope, { title: 'Again' }, 3))
      expectLater(again, tombstone)
    })

    test('a list is newest first, and its pages hold each document once', async () => {
      const scope = own()
      for (const [i, n] of [1, 2, 2, 3, 2].entries()) await create(scope, { id: `d${i}` }, n)
      for (const limit of [1, 2, 5])
        expect((await walk(slice => documents.list(scope, slice), limit)).flat()).toEqual(['d3', 'd4', 'd2', 'd1', 'd0'])
    })

    test('documents are found and removed by their metadata', async () => {
      const scope = own()
      const metadata = [{ year: 1958, tags: ['wing'] }, { year: 1960 }, {}, { year: '1960' }]
      for (const [i, one] of metadata.entries()) await create(scope, { id: `d${i}`, metadata: one }, i + 1)
      expect(await documents.matching(scope, where({ year: { $gte: 1958 } }))).toEqual(['d1', 'd0'])
      expect(await documents.matching(scope, where({ tags: { $contains: 'wing' } }))).toEqual(['d0'])
      expect(await documents.removeWhere(scope, where({ year: 1960 }), at(9), ['d0', 'd1'])).toBe(1)
      expect(await ids(scope)).toEqual(['d3', 'd2', 'd0'])
      expect(await documents.removeWhere(scope, where({}), at(9), ['d0', 'd1', 'd2', 'd3'])).toBe(3)
      expect(await ids(scope)).toEqual([])
    })

    test('metadata keep every digit and every key', async () => {
      const scope = own()
      const metadata = parseJson('{"odd":9007199254740993,"__proto__":{"a":1},"deep":[[0.12345678901234567890]]}') as object
      const row = await create(scope, { metadata: metadata as NewDocument['metadata'] })
      expect(canonical(parse(row).metadata)).toBe(canonical(metadata))
      expect(canonical(parse(there(await documents.get(scope, 'd'))).metadata)).toBe(canonical(metadata))
    })

    test('a document of another organization is missing, and its id is free', async () => {
      const [mine, theirs] = [own(), own()]
      const row = await create(mine)
      expect(await documents.get(theirs, 'd')).toBeUndefined()
      expect(await update(theirs, { title: 'Theirs' }, 2)).toBeUndefined()
      expect(await documents.removeWhere(theirs, where({}), at(2), ['d'])).toBe(0)
      expect((await put(theirs, { title: 'Theirs' }, 2)).created).toBe(true)
      expectSame(await documents.get(mine, 'd'), row)
    })
  })
