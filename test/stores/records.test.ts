import { recordCollection, tableCollection } from '../../functions/database/collections.ts'
import { memoryRecords } from '../../functions/database/memory.ts'
import { postgresRecords } from '../../functions/database/postgres.ts'
import type { TableStore } from '../../functions/database/store.ts'
import { memoryTables } from '../../functions/database/tables.memory.ts'
import { postgresTables } from '../../functions/database/tables.postgres.ts'
import { stages } from '../../shared/migration/stage.ts'
import { engine } from '../support/database.ts'
import { queryContract } from './queries.contract.ts'
import { recordContract } from './records.contract.ts'
import { inMemory, type Made, mirrored, onPostgres } from './support.ts'
import { type Stores, tableContract } from './tables.contract.ts'

const memory = inMemory(() => {
  const tables = memoryTables()
  return { tables, records: memoryRecords(() => tables) }
})
const postgres = onPostgres(db => ({ tables: postgresTables(db), records: postgresRecords(db) }))
for (const contract of [tableContract, recordContract, queryContract]) {
  contract('in memory', memory)
  contract('in Postgres', postgres)
}

// races between the mirror's two sides need more than one connection
for (const stage of engine === 'server' ? stages : []) {
  const make = async (): Promise<Made<Stores>> => {
    const made: Made<Stores> = await mirrored(stage, () => ({
      tables: tableCollection(),
      records: recordCollection((): TableStore => made.stores.tables),
    }))()
    return made
  }
  for (const contract of [tableContract, recordContract]) contract(`mirrored in ${stage}`, make)
  // where memory and Postgres are both asked
  if (stage === 'shadow' || stage === 'live') queryContract(`mirrored in ${stage}`, make)
}
