import type { Database } from '../../shared/db/database.ts'
import { exportPage, sharedKey } from '../../shared/db/legacy.compare.ts'
import type { Collection } from '../../shared/db/legacy.ts'
import { acrossOrganizations, type Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { compareAll } from './compare.postgres.ts'
import { importAll } from './import.postgres.ts'
import type { Bounds, DictionaryStore } from './store.ts'

/** The bytes of a page that an export aims at: the rows of the next follow from the size of the last. */
const PAGE_BYTES = 1024 * 1024

/** Old dictionaries against Postgres. */
export const postgresDictionaries = (db: Database): DictionaryStore => ({
  import: (scope, collection, upload, bounds) => importAll(db, acrossOrganizations(scope), collection, upload, bounds),
  compare: (scope, collection, upload, bounds, part) => compareAll(db, acrossOrganizations(scope), collection, upload, bounds, part),
  export: async (scope, collection, bounds) => {
    const across = acrossOrganizations(scope)
    const [shared] = bounds.only === undefined ? await db.read(across, sharedKey(collection)) : []
    if (shared) throw new Refusal('conflict', `two organizations have the key ${shared[0]}: export one with only_organization`)
    return pages(db, across, collection, bounds)
  },
})

/** Each page is a read of its own: a slow reader holds no connection. */
async function* pages(db: Database, scope: Scope, collection: Collection, { none, only }: Bounds): AsyncGenerator<string> {
  let [after, limit, separator] = [['', ''] as string[], 50, '{']
  for (;;) {
    const rows = await db.read(scope, exportPage(collection, none ?? null, only ?? null, after, limit))
    if (rows.length === 0) break
    const text = rows.map(row => row[2]).join()
    yield separator + text
    separator = ','
    after = (rows.at(-1) as string[]).slice(0, 2)
    limit = Math.max(1, Math.min(2000, limit * 4, Math.round((rows.length * PAGE_BYTES) / text.length)))
  }
  yield separator === '{' ? '{}' : '}'
}
