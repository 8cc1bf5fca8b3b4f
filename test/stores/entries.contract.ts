import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EntryStore, NewEntry } from '../../functions/knowledge/entries.store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Embedded } from '../../shared/embeddings/items.ts'
import { CALLER, unit } from '../../shared/embeddings/vector.ts'
import { newId } from '../../shared/id.ts'
import { parse } from '../../shared/record.ts'
import { all, at, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, unembedded, walk } from './support.ts'

const NEW: NewEntry = {
  id: 'e',
  agent_id: null,
  title: 'Opening hours',
  content: 'From 8 to 5.',
  tags: ['hours'],
  language: 'en',
  at: at(1),
}

/** What every store of knowledge entries does, whatever it keeps them in. */
export const entryContract = (kind: string, make: Make<{ entries: EntryStore }>) =>
  describe(`entries, ${kind}`, () => {
    let made: Made<{ entries: EntryStore }>
    let entries: EntryStore
    beforeAll(async () => {
      made = await make()
      entries = made.stores.entries
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const wire = (scope: Scope, { at: created_at, ...entry }: NewEntry) => ({
      ...entry,
      organization_id: scope.organization_id,
      created_at,
      updated_at: created_at,
    })
    const create = async (scope: Scope, entry: Partial<NewEntry> = {}) =>
      there(await entries.create(scope, { ...NEW, ...entry }, unembedded))
    const update = (scope: Scope, patch: Parameters<EntryStore['update']>[2], n: number, ifMatch?: string) =>
      entries.update(scope, 'e', patch, unembedded, at(n), ifMatch)

    test('an entry is answered as it was created, and read so again', async () => {
      const scope = own()
      const row = await create(scope)
      expectRow(row, wire(scope, NEW))
      expectSame(await entries.get(scope, 'e'), row)
    })

    test('texts and tags come back as they were, whatever they hold', async () => {
      const scope = own()
      const odd = {
        title: '"{},\\',
        content: '😀\n\t{"a":1}',
        tags: ['b', 'a', 'b', 'a,b', '{"x"}', 'null', 'NULL', '\\', '"', 'ä'],
        language: null,
      }
      expectRow(await create(scope, odd), wire(scope, { ...NEW, ...odd }))
      expectRow(await create(scope, { id: 'none', tags: [], content: '' }), wire(scope, { ...NEW, id: 'none', tags: [], content: '' }))
    })

    test('an entry that is not there is undefined, whatever is done to it', async () => {
      const scope = own()
      expect(await entries.get(scope, 'e')).toBeUndefined()
      expect(await update(scope, { title: 'New' }, 2)).toBeUndefined()
      expect(await update(scope, { title: 'New' }, 2, '1')).toBeUndefined()
      expect(await entries.remove(scope, 'e', at(2), undefined)).toBeUndefined()
      expect(await entries.list(scope, all, {})).toEqual({ items: [], next: undefined })
    })

    test('a taken id is undefined and leaves the first entry alone', async () => {
      const scope = own()
      const first = await create(scope)
      expect(await entries.create(scope, { ...NEW, title: 'Second', at: at(2) }, unembedded)).toBeUndefined()
      expectSame(await entries.get(scope, 'e'), first)
    })

    test('a patch changes what it names, null included, and leaves the rest; an empty one is a write all the same', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await update(scope, { content: 'From 9.', tags: [] }, 2))
      const changed = { ...wire(scope, NEW), content: 'From 9.', tags: [] }
      expectRow(second, { ...changed, updated_at: at(2) })
      const third = there(await update(scope, { language: null, title: 'Hours' }, 3, second.version))
      expectRow(third, { ...changed, language: null, title: 'Hours', updated_at: at(3) })
      const fourth = there(await update(scope, {}, 4))
      expectRow(fourth, { ...changed, language: null, title: 'Hours', updated_at: at(4) })
      expectLater(second, first)
      expectLater(third, second)
      expectLater(fourth, third)
      expectSame(await entries.get(scope, 'e'), fourth)
    })

    test('a vector that a caller brings is kept beside the record, and is no part of it', async () => {
      const scope = own()
      const brought: Embedded = {
        vector: { ...CALLER, vector: unit([3, 4]) as Float32Array, hash: undefined },
        state: 'pending',
        lacking: 'pending',
      }
      expectRow(await entries.create(scope, NEW, brought), wire(scope, NEW))
      const changed = { ...wire(scope, NEW), title: 'New', updated_at: at(2) }
      expectRow(await entries.update(scope, 'e', { title: 'New' }, brought, at(2), undefined), changed)
      expectRow(await entries.remove(scope, 'e', at(3), undefined), { ...changed, updated_at: at(3) })
    })

    test('an old version neither changes nor removes, the present one does both', async () => {
      const scope = own()
      const first = await create(scope)
      const second = there(await update(scope, { title: 'New' }, 2, first.version))
      await expectStale(update(scope, { title: 'Late' }, 3, first.version))
      await expectStale(entries.remove(scope, 'e', at(3), first.version))
      expectRow(await entries.remove(scope, 'e', at(3), second.version), { ...wire(scope, NEW), title: 'New', updated_at: at(3) })
    })

    test('the id of a removed entry is free, and what it held is forgotten', async () => {
      const scope = own()
      const first = await create(scope)
      const gone = there(await entries.remove(scope, 'e', at(2), undefined))
      expectLater(gone, first)
      expect(await entries.get(scope, 'e')).toBeUndefined()
      expect((await entries.list(scope, all, {})).items).toEqual([])
      const again = { ...NEW, title: 'Again', tags: [], language: null, at: at(3) }
      const second = there(await entries.create(scope, again, unembedded))
      expectRow(second, wire(scope, again))
      expectLater(second, gone)
    })

    test('a list is newest first, and its pages hold each entry once, also where times are equal', async () => {
      const scope = own()
      const times = [1, 2, 2, 2, 3, 1]
      for (const [i, id] of ['k', 'b', 'é', 'Z', '😀', 'c'].entries()) await create(scope, { id, at: at(times[i] as number) })
      for (const limit of [1, 2, 4, 200]) {
        const pages = await walk(slice => entries.list(scope, slice, {}), limit)
        expect(pages.flat()).toEqual(['😀', 'é', 'b', 'Z', 'k', 'c'])
        expect(pages.length).toBe(Math.ceil(6 / limit))
      }
    })

    test('an entry of another organization is missing, and its id is free', async () => {
      const [mine, theirs] = [own(), own()]
      const row = await create(mine)
      expect(await entries.get(theirs, 'e')).toBeUndefined()
      expect(await update(theirs, { title: 'Theirs' }, 2)).toBeUndefined()
      expect(await entries.remove(theirs, 'e', at(2), row.version)).toBeUndefined()
      expectRow(await create(theirs, { title: 'Theirs' }), { ...wire(theirs, NEW), title: 'Theirs' })
      expectSame(await entries.get(mine, 'e'), row)
    })

    test('of many creations of one id at once one is answered, and of many changes of one version one is made', async () => {
      const scope = own()
      const rows = await Promise.all(Array.from({ length: 8 }, (_, n) => entries.create(scope, { ...NEW, title: `n${n}` }, unembedded)))
      const [winner, ...others] = rows.filter(row => row !== undefined)
      expect(others).toEqual([])
      expectSame(await entries.get(scope, 'e'), winner)
      const tries = Array.from({ length: 8 }, (_, n) => update(scope, { title: `m${n}` }, 2, there(winner).version))
      expect((await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(parse(there(await entries.get(scope, 'e'))).title).toMatch(/^m/)
    })
  })
