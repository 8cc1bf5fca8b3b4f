import type { Scope } from '../../shared/db/scope.ts'
import { invalid, Refusal } from '../../shared/errors.ts'
import { stringify } from '../../shared/json.ts'
import { matches } from '../../shared/matches.ts'
import { byTime, inOneStep, makeTable } from '../../shared/memory.ts'
import { compareKeys } from '../../shared/order.ts'
import { type Key, type Page, parse, type Row, type Slice } from '../../shared/record.ts'
import { type Owner, typeOf } from './columns.ts'
import { type Kept, memoryWrites, type RecordTable } from './memory.writes.ts'
import type { DataRecord } from './schema.ts'
import { chosen, comparePlaces, placeOf } from './sorted.ts'
import { type Asked, type RecordStore, recordKey, type TableStore } from './store.ts'

const wire = ({ record_id: id, organization_id, table_id: table, data, created_at, updated_at }: Kept, version: string) => {
  const record = { id, organization_id, table, data }
  return { ...record, version: Number(version), created_at, updated_at }
}

export const recordTable = (): RecordTable =>
  makeTable({
    render: wire,
    keyOf: ({ table_id, created_at, record_id }) => [table_id, created_at, record_id],
    sortOf: ([table = '', ...rest]) => [table, ...byTime(rest)],
    order: 'down',
  })

const NEWEST: Key = ['infinity', '']
/** In the list of a table the newest comes first. */
const inList = (a: Key, b: Key): number => compareKeys(byTime(b), byTime(a))

type One = { key: Key; kept: Kept; version: string }

/** Records in this process; `tables` are those of the moment, wherever they are: they are waited for, then all is done in one step. */
export const memoryRecords = (tables: () => TableStore, table: RecordTable = recordTable()): RecordStore => {
  const ownerOf = async (scope: Scope, name: string, path = ''): Promise<Owner> => {
    const row = await tables().get({ ...scope, step: undefined }, name)
    const detail = `there is no table ${name}`
    if (!row) throw new Refusal('not_found', detail, path === '' ? {} : { errors: [{ path, message: detail }] })
    return parse(row) as Owner
  }

  /** The records of one table behind a place in its list. */
  function* recordsOf(organization: string, name: string, after: Key = NEWEST): IterableIterator<One> {
    for (const { key, value, row } of table.walk(organization, [name, ...after])) {
      if (value.table_id !== name) return
      yield { key: key.slice(1), kept: value, version: row().version }
    }
  }
  const rowOf = ({ kept, version }: One, select?: readonly string[]): Row<DataRecord> => {
    const json = stringify(wire({ ...kept, data: chosen(kept.data, select) }, version))
    return { id: kept.record_id, version, json }
  }
  const pageOf = (found: readonly One[], limit: number, select?: readonly string[]): Page<DataRecord> => ({
    items: found.slice(0, limit).map(one => rowOf(one, select)),
    next: found.length > limit ? found[limit - 1]?.key : undefined,
  })

  const found = (organization: string, name: string, owner: Owner, { where, order, select }: Asked, { limit, after }: Slice) => {
    const isTime = (field: string) => typeOf(owner, field) === 'timestamp'
    const compare = comparePlaces(order, inList)
    const all = [...recordsOf(organization, name)].filter(({ kept }) => matches(where, kept.data, isTime))
    const placed = all.map(one => ({ ...one, key: placeOf(order, one.kept.data, one.key, isTime) }))
    const behind = after === undefined ? placed : placed.filter(({ key }) => compare(key, after) > 0)
    return pageOf(
      behind.sort((a, b) => compare(a.key, b.key)),
      limit,
      select,
    )
  }

  return {
    ...memoryWrites(table, ownerOf),
    get: async ({ organization_id }, name, id) => {
      const row = table.get(organization_id, recordKey(name, id))
      return row && { ...row, id }
    },
    list: async (scope, name, { limit, after }) => {
      await ownerOf(scope, name)
      return inOneStep(scope, () => {
        const page: One[] = []
        for (const one of recordsOf(scope.organization_id, name, after)) {
          page.push(one)
          if (page.length > limit) break
        }
        return pageOf(page, limit)
      })
    },
    query: async (scope, name, asked, slice) => {
      if (slice.after && slice.after.length !== asked.order.length + 2) throw invalid('cursor', 'is not a cursor of this query')
      const owner = await ownerOf(scope, name)
      return inOneStep(scope, () => found(scope.organization_id, name, owner, asked, slice))
    },
  }
}
