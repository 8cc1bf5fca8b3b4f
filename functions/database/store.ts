import type { Scope } from '../../shared/db/scope.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Where } from '../../shared/where.ts'
import type { DataRecord, Mode, Order, Table, TablePut } from './schema.ts'

/** Tables that users define. Throws version_mismatch when `ifMatch` is not the table's version. */
export type TableStore = {
  get(scope: Scope, name: string): Promise<Row<Table> | undefined>
  /** By name. */
  list(scope: Scope, slice: Slice): Promise<Page<Table>>
  /** Makes the table, or replaces its columns; its records stay as they are. */
  put(scope: Scope, name: string, table: NewTable, ifMatch: string | undefined): Promise<{ row: Row<Table>; created: boolean }>
  /**
   * The tombstone of what was removed. Its records go with it where no memory has to be told of them; elsewhere they must have gone
   * before (removeTable does so): a table that has records is unavailable then.
   */
  remove(scope: Scope, name: string, at: string, ifMatch: string | undefined): Promise<Row<Table> | undefined>
}

export type NewTable = { columns: TablePut['columns']; strict: boolean; at: string }

export type Data = { [field: string]: Json }
export type NewRecord = { id: string; data: Data }

/** What is asked of a table: newest first, unless `order` says how; a field that is missing, null or no plain value comes last. */
export type Asked = { where: Where; order: readonly Order[]; select: readonly string[] | undefined }

/** `replace` makes the record where there is none; `ifVersion` is the version that the record must have. */
export type Change = {
  op: 'create' | 'replace' | 'merge' | 'remove'
  table: string
  id: string
  data?: Data
  ifVersion?: string | undefined
}
export type Changed = { status: number; id: string; version: string }

/**
 * The records of those tables. Throws not_found when there is no such table, invalid_request for data that does not fit its table,
 * each with the path of what it is about; then nothing is written.
 */
export type RecordStore = {
  get(scope: Scope, table: string, id: string): Promise<Row<DataRecord> | undefined>
  /** Newest first. */
  list(scope: Scope, table: string, slice: Slice): Promise<Page<DataRecord>>
  query(scope: Scope, table: string, asked: Asked, slice: Slice): Promise<Page<DataRecord>>
  /** All or none, in their order; what is there already is refused (conflict), merged or replaced. `path` is where they stand. */
  create(scope: Scope, table: string, records: NewRecord[], mode: Mode, at: string, path: 'records' | ''): Promise<Row<DataRecord>[]>
  /** Throws not_found, conflict or version_mismatch. */
  change(scope: Scope, change: Change, at: string): Promise<{ row: Row<DataRecord>; created: boolean }>
  /** All or none, in their order. Refusals name their operation by its path. */
  changeAll(scope: Scope, changes: Change[], at: string): Promise<Changed[]>
  /** How many were removed; with `among` only of those ids, which a stage that holds a memory must know before. */
  removeWhere(scope: Scope, table: string, where: Where, at: string, among?: readonly string[]): Promise<number>
}

/** A record's key among those of all tables; record_key() of sql/012 makes the same. */
export const recordKey = (table: string, id: string): string => `${table.replaceAll('%', '%25').replaceAll('/', '%2F')}/${id}`

const itself = (name: string): string => name

export const tableMethods: Methods<TableStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  put: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
}

const keyOf = ({ table, id }: { table: string; id: string }): string => recordKey(table, id)

/** What a write is about must be known before it: hence `among`. */
export const recordMethods: Methods<RecordStore> = {
  get: { kind: 'read', key: recordKey },
  list: { kind: 'read' },
  query: { kind: 'read' },
  create: { kind: 'write', key: (table: string, records: NewRecord[]) => records.map(({ id }) => recordKey(table, id)) },
  change: { kind: 'write', key: keyOf },
  changeAll: { kind: 'write', key: (changes: Change[]) => [...new Set(changes.map(keyOf))] },
  removeWhere: {
    kind: 'write',
    key: (table: string, _: Where, __: string, among?: readonly string[]) => among?.map(id => recordKey(table, id)),
  },
}
