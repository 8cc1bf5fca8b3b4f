import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeTableAfterRecords } from '../../functions/database/remove.ts'
import type { NewTable, RecordStore, TableStore } from '../../functions/database/store.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { newId } from '../../shared/id.ts'
import { all, at, expectLater, expectRow, expectSame, expectStale, type Made, type Make, there, walk } from './support.ts'

export type Stores = { tables: TableStore; records: RecordStore }

const NEW: NewTable = { columns: { name: 'string', price: { type: 'number', indexed: true } }, strict: false, at: at(1) }

/** What every store of tables does. */
export const tableContract = (kind: string, make: Make<Stores>) =>
  describe(`tables, ${kind}`, () => {
    let made: Made<Stores>
    let tables: TableStore
    beforeAll(async () => {
      made = await make()
      tables = made.stores.tables
    })
    afterAll(() => made.stop())

    const own = (): Scope => made.scope(newId('org'))
    const put = async (scope: Scope, name: string, table: Partial<NewTable> = {}, ifMatch?: string) =>
      tables.put(scope, name, { ...NEW, ...table }, ifMatch)
    const wire = (scope: Scope, id: string, { at: created_at, ...table }: NewTable) => ({
      ...{ id, organization_id: scope.organization_id, ...table },
      ...{ created_at, updated_at: created_at },
    })

    test('a table is made, answered as it is, and replaced', async () => {
      const scope = own()
      const first = await put(scope, 't')
      expect(first.created).toBe(true)
      expectRow(first.row, wire(scope, 't', NEW))
      expectSame(await tables.get(scope, 't'), first.row)
      const second = await put(scope, 't', { columns: {}, strict: true, at: at(2) })
      expect(second.created).toBe(false)
      expectRow(second.row, { ...wire(scope, 't', { ...NEW, columns: {}, strict: true }), updated_at: at(2) })
      expectLater(second.row, first.row)
    })

    test('a table is replaced and removed in the version that is meant, or not at all', async () => {
      const scope = own()
      await expectStale(put(scope, 't', {}, '1'))
      expect(await tables.get(scope, 't')).toBeUndefined()
      const { row } = await put(scope, 't')
      const second = await put(scope, 't', { at: at(2) }, row.version)
      await expectStale(put(scope, 't', {}, row.version))
      await expectStale(tables.remove(scope, 't', at(3), row.version))
      expectSame(await tables.get(scope, 't'), second.row)
      expectLater(there(await tables.remove(scope, 't', at(3), second.row.version)), second.row)
    })

    test('a removed table is missing, and its name is free for another', async () => {
      const scope = own()
      expect(await tables.remove(scope, 't', at(1), undefined)).toBeUndefined()
      await put(scope, 't', { strict: true })
      const tombstone = there(await tables.remove(scope, 't', at(2), undefined))
      expect(await tables.get(scope, 't')).toBeUndefined()
      expect((await tables.list(scope, all)).items).toEqual([])
      const again = await put(scope, 't', { columns: {}, at: at(3) })
      expect(again.created).toBe(true)
      expectRow(again.row, wire(scope, 't', { ...NEW, columns: {}, at: at(3) }))
      expectLater(again.row, tombstone)
    })

    test('tables are listed by name, over pages without gap or double', async () => {
      const scope = own()
      for (const name of ['b', 'a', 'Z', 'é', '__proto__', 'a/b', '😀', 'z']) await put(scope, name)
      const sorted = ['Z', '__proto__', 'a', 'a/b', 'b', 'z', 'é', '😀']
      for (const limit of [1, 3, 8, 200]) expect((await walk(slice => tables.list(scope, slice), limit)).flat()).toEqual(sorted)
    })

    test('a table of another organization is missing, and its name is free', async () => {
      const [mine, theirs] = [own(), own()]
      const { row } = await put(mine, 't')
      expect(await tables.get(theirs, 't')).toBeUndefined()
      expect(await tables.remove(theirs, 't', at(2), row.version)).toBeUndefined()
      expect((await put(theirs, 't', { columns: {} })).created).toBe(true)
      expectSame(await tables.get(mine, 't'), row)
    })

    test('a table goes with its records, and they do not come back with its name', async () => {
      const scope = own()
      const { records } = made.stores
      const removeTable = removeTableAfterRecords(tables, records)
      const { row } = await put(scope, 't')
      await put(scope, 't/u')
      await put(scope, 'other')
      for (const name of ['t', 't/u', 'other']) await records.create(scope, name, [{ id: 'a', data: {} }], 'error', at(1), '')
      await expectStale(removeTable(scope, 't', at(2), '1'))
      expect((await records.list(scope, 't', all)).items).toHaveLength(1)
      expect(there(await removeTable(scope, 't', at(2), row.version)).id).toBe('t')
      expect(await removeTable(scope, 't', at(2), undefined)).toBeUndefined()
      expect(await records.get(scope, 't', 'a')).toBeUndefined()
      await put(scope, 't', { at: at(3) })
      expect((await records.list(scope, 't', all)).items).toEqual([])
      for (const name of ['t/u', 'other']) expect((await records.list(scope, name, all)).items).toHaveLength(1)
    })
  })
