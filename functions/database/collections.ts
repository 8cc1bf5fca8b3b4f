import type { Collection } from '../../shared/migration/staged.ts'
import { memoryRecords, recordTable } from './memory.ts'
import { postgresRecords } from './postgres.ts'
import { recordReplica, tableReplica } from './replica.postgres.ts'
import { type RecordStore, recordMethods, type TableStore, tableMethods } from './store.ts'
import { memoryTables, tableTable } from './tables.memory.ts'
import { postgresTables } from './tables.postgres.ts'

/** Tables as they were and as they are. */
export const tableCollection = (): Collection<TableStore> => {
  const table = tableTable()
  return {
    name: 'tables',
    memory: memoryTables(table),
    replica: table.replica,
    postgres: postgresTables,
    sql: tableReplica,
    methods: tableMethods,
    fallback: true,
  }
}

/** Records as they were and as they are; in memory they are checked against the tables of the moment, wherever these are. */
export const recordCollection = (tables: () => TableStore): Collection<RecordStore> => {
  const table = recordTable()
  return {
    name: 'database',
    memory: memoryRecords(tables, table),
    replica: table.replica,
    postgres: postgresRecords,
    sql: recordReplica,
    methods: recordMethods,
    fallback: true,
  }
}
