import type { Database } from '../../shared/db/database.ts'
import { acrossOrganizations } from '../../shared/db/scope.ts'
import { compareAll } from './compare.postgres.ts'
import { exportAll } from './export.postgres.ts'
import { importAll } from './import.postgres.ts'
import type { DictionaryStore } from './store.ts'

/** Old dictionaries against Postgres. */
export const postgresDictionaries = (db: Database): DictionaryStore => ({
  import: (scope, collection, upload, bounds) => importAll(db, acrossOrganizations(scope), collection, upload, bounds),
  compare: (scope, collection, upload, bounds, part) => compareAll(db, acrossOrganizations(scope), collection, upload, bounds, part),
  export: (scope, collection, bounds) => exportAll(db, acrossOrganizations(scope), collection, bounds),
})
