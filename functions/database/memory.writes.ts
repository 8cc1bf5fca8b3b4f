import type { Scope } from '../../shared/db/scope.ts'
import { type Code, Refusal } from '../../shared/errors.ts'
import { matches } from '../../shared/matches.ts'
import { inOneStep, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import { mustFit, type Owner, typeOf } from './columns.ts'
import type { DataRecord } from './schema.ts'
import { type Change, type Data, type RecordStore, recordKey } from './store.ts'

/** A record as it is kept: its id is its key among those of all tables. */
export type Kept = {
  id: string
  organization_id: string
  table_id: string
  record_id: string
  data: Data
  extra?: unknown
  created_at: string
  updated_at: string
}
export type RecordTable = Table<Kept, DataRecord>

/** A record as a batch that has not been made yet would leave it; undefined where it would be missing. */
type Planned = Map<string, { version: string } | undefined>

const refusal = (code: Code, detail: string, path: string) =>
  new Refusal(code, detail, path === '' ? {} : { errors: [{ path, message: detail }] })

/** The writing half of memoryRecords. Everything is checked before anything is written: all or nothing. */
export const memoryWrites = (
  table: RecordTable,
  ownerOf: (scope: Scope, name: string, path?: string) => Promise<Owner>,
): Omit<RecordStore, 'get' | 'list' | 'query'> => {
  const check = (organization: string, { op, table: name, id, data, ifVersion }: Change, owner: Owner, planned: Planned, path: string) => {
    const key = recordKey(name, id)
    const present = planned.has(key) ? planned.get(key) : table.get(organization, key)
    const knows = (other: string) =>
      other === key || (planned.has(other) ? planned.get(other) : table.peek(organization, other)) !== undefined
    if (data !== undefined) mustFit(owner, data, knows, 'data', path)
    if (!present && (op === 'merge' || op === 'remove')) throw refusal('not_found', `there is no record ${id}`, path)
    if (!present && ifVersion !== undefined) throw refusal('version_mismatch', `there is no record ${id} any more`, path)
    if (present && op === 'create') throw refusal('conflict', `record ${id} exists already`, path)
    if (present && ifVersion !== undefined && ifVersion !== present.version)
      throw refusal('version_mismatch', `the record is at version ${present.version} by now`, path)
    planned.set(key, op === 'remove' ? undefined : { version: '' })
  }

  const write = (
    organization_id: string,
    table_id: string,
    record_id: string,
    merges: boolean,
    data: Data,
    at: string,
  ): Row<DataRecord> => {
    const id = recordKey(table_id, record_id)
    const row = table.put(organization_id, id, before => ({
      ...before,
      ...{ id, organization_id, table_id, record_id, data: merges ? { ...before?.data, ...data } : data },
      ...{ created_at: before?.created_at ?? at, updated_at: at },
    }))
    return { ...(row as Row<DataRecord>), id: record_id }
  }
  const bury = (organization: string, name: string, id: string, at: string): Row<DataRecord> => {
    const row = table.remove(organization, recordKey(name, id), kept => ({ ...kept, updated_at: at }))
    return { ...(row as Row<DataRecord>), id }
  }
  const make = (organization: string, { op, table: name, id, data = {} }: Change, at: string) => {
    const created = table.peek(organization, recordKey(name, id)) === undefined
    if (op === 'remove') return { row: bury(organization, name, id, at), created: false }
    return { row: write(organization, name, id, op === 'merge', data, at), created }
  }
  type Called<M extends 'create' | 'change' | 'changeAll' | 'removeWhere'> = Parameters<RecordStore[M]>

  const create = (owner: Owner, [{ organization_id }, name, records, mode, at, path]: Called<'create'>) => {
    const keys = new Set(records.map(({ id }) => recordKey(name, id)))
    const knows = (key: string) => keys.has(key) || table.peek(organization_id, key) !== undefined
    const place = (i: number, field: string) => (path === '' ? field : `${path}/${i}/${field}`)
    for (const [i, { data }] of records.entries()) mustFit(owner, data, knows, place(i, 'data'))
    for (const [i, { id }] of records.entries())
      if (mode === 'error' && table.peek(organization_id, recordKey(name, id)) !== undefined)
        throw refusal('conflict', `record ${id} exists already`, place(i, 'id'))
    return records.map(({ id, data }) => write(organization_id, name, id, mode === 'merge', data, at))
  }
  const change = (owner: Owner, [{ organization_id }, asked, at]: Called<'change'>) => {
    check(organization_id, asked, owner, new Map(), '')
    return make(organization_id, asked, at)
  }
  const changeAll = (owners: Map<string, Owner>, [{ organization_id }, changes, at]: Called<'changeAll'>) => {
    const planned: Planned = new Map()
    for (const [i, asked] of changes.entries()) check(organization_id, asked, owners.get(asked.table) as Owner, planned, `operations/${i}`)
    return changes.map(asked => {
      const { row, created } = make(organization_id, asked, at)
      return { status: asked.op === 'remove' ? 204 : created ? 201 : 200, id: asked.id, version: row.version }
    })
  }
  const removeWhere = (owner: Owner, [{ organization_id }, name, where, at, among]: Called<'removeWhere'>) => {
    const ids = among && new Set(among)
    const gone = [...table.walk(organization_id, [name, 'infinity', ''])].filter(
      ({ value }) =>
        value.table_id === name &&
        (ids === undefined || ids.has(value.record_id)) &&
        matches(where, value.data, field => typeOf(owner, field) === 'timestamp'),
    )
    for (const { value } of gone) bury(organization_id, name, value.record_id, at)
    return gone.length
  }

  // the tables are waited for first: all that is checked and written then is one step
  return {
    create: async (...called) => {
      const [scope, name] = called
      const owner = await ownerOf(scope, name)
      return inOneStep(scope, () => create(owner, called))
    },
    change: async (...called) => {
      const [scope, { table: name }] = called
      const owner = await ownerOf(scope, name)
      return inOneStep(scope, () => change(owner, called))
    },
    changeAll: async (...called) => {
      const [scope, changes] = called
      const owners = new Map<string, Owner>()
      for (const [i, { table: name }] of changes.entries())
        if (!owners.has(name)) owners.set(name, await ownerOf(scope, name, `operations/${i}`))
      return inOneStep(scope, () => changeAll(owners, called))
    },
    removeWhere: async (...called) => {
      const [scope, name] = called
      const owner = await ownerOf(scope, name)
      return inOneStep(scope, () => removeWhere(owner, called))
    },
  }
}
