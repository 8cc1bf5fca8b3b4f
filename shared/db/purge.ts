import type { Part } from '../job.ts'
import type { Columns, Statement } from './batch.ts'
import type { Database } from './database.ts'

/** Rows that one step looks at, and rows that one step of `purgeAll` removes. */
const STEP = 5000

/** Rows of a tenant table, not a partitioned one, that are to go: `when` is SQL over its columns, and `before` runs in the transaction of each step. */
export type Expired = { table: string; when: string; before?: Statement }

/** Rows are named by where they lie: no join would be planned for a table that was empty when its rows were counted. */
const sweep = (table: string, when: string): string => `with page as materialized (
  select organization_id, id, case when ${when} then ctid end as expired from ${table}
  where (organization_id, id) > ($1, $2)
  order by organization_id, id
  limit ${STEP}
), gone as (
  delete from ${table} where ctid = any (array(select expired from page)) and ${when}
  returning 1
)
select (select count(*) from gone), (select count(*) from page), organization_id, id from page
order by organization_id desc, id desc
limit 1`

/** Walks a tenant table by its key, and removes what is to go: small steps of its own each, linear whatever is left of it. */
export const purge = (db: Database, { table, when, before }: Expired): Part => ({
  name: `purge ${table}`,
  run: async scope => {
    const text = sweep(table, when)
    let [removed, after] = [0, ['', ''] as Columns]
    for (;;) {
      const step = { name: `purge.${table}`, text, values: [...after] }
      const [row] = await db.write(scope, ...(before ? [before] : []), step)
      if (!row) return removed
      const [gone, seen, ...last] = row
      removed += Number(gone)
      if (Number(seen) < STEP) return removed
      after = last
    }
  },
})

/**
 * The tombstones of a collection, 30 days after the removal; 90 where the row was imported: until then an import that comes again
 * finds that it was removed here. Only at the stage `complete`. `expired` is SQL for other rows of it that go.
 */
export const purgeTombstones = (db: Database, collection: string, table = collection, expired = 'false'): Part => {
  const stage = `exists (select from migration_stages where collection = '${collection}' and stage = 'complete')`
  const hold = `select pg_advisory_xact_lock_shared(migration_lock('${collection}'))`
  const old = "deleted_at < now() - make_interval(days => case when extra ? 'imported' then 90 else 30 end)"
  return purge(db, {
    table,
    when: `(${old} or deleted_at is null and ${expired}) and ${stage}`,
    before: { name: `purge.hold_${collection}`, text: hold, values: [] },
  })
}

/** The rows of a platform table by its one age: `remove` takes at most $1 of them, and is repeated until none is left. */
export const purgeAll = (db: Database, table: string, remove: string): Part => ({
  name: `purge ${table}`,
  run: async scope => {
    for (let removed = 0; ; ) {
      const gone = await db.write(scope, { name: `purge.${table}`, text: remove, values: [STEP] })
      removed += gone.length
      if (gone.length < STEP) return removed
    }
  },
})
