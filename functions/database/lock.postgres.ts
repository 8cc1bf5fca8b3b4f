/**
 * A select that holds the locks of tables, always in one order: `shared` for who writes their records, `alone` for who changes what they
 * declare. Otherwise a record could be indexed by declarations that are no more, and would be found by none of the present ones.
 * `tables` is a select of (organization, name).
 */
export const lockTables = (kind: 'shared' | 'alone', tables: string): string =>
  `select pg_advisory_xact_lock${kind === 'shared' ? '_shared' : ''}(table_lock(organization, name))
from (select distinct organization, name from (${tables}) given order by 1, 2) held`
