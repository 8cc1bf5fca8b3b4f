import type { Sought, Values } from '../../shared/db/where.ts'
import type { Slice } from '../../shared/record.ts'
import type { Order } from './schema.ts'

/** The records of the statement's table ($1, $2). */
export const RECORDS = 'r.organization_id = $1 and r.table_id = $2 and r.deleted_at is null'
export const NEWEST_FIRST = 'order by r.created_at desc, r.record_id desc'

/** How far each way to the records is gone before another one is. */
export type Limits = {
  /**
   * So many candidates of an index are looked at one by one; of more, a page is found sooner by walking the list: a page of 50 is met
   * within 25,000 of a million records.
   */
  few: number
  /** So many of the newest records are looked at before an index is asked for those that match, and so many of these it tells. */
  near: number
  hits: number
}
export const LIMITS: Limits = { few: 2000, near: 1000, hits: 1000 }

/** A field that records are sorted by, with its key in SQL. */
export type Sorted = { field: string; name: string; sql: string; direction: 'asc' | 'desc' }

/** A page, with what its records are sorted by, and what the indexes can say of its filter. */
export type Asking = { keys: readonly Sorted[]; filter: string; sought: Sought; slice: Slice; values: Values }

/** What has no order comes last, whichever way the rest goes. */
export const sorted = (order: readonly Order[], values: Values): Sorted[] =>
  order.map(({ field, direction = 'asc' }, i) => {
    const name = values.add(field, 'text')
    const key = `sort_key(r.data -> ${name}, (select column_type((select columns from owner), ${name})) is not distinct from 'timestamp')`
    return { field, name: `key${i}`, sql: `coalesce(${key}, ${direction === 'asc' ? "'~'" : "''"}) collate "C"`, direction }
  })

/** The condition that a row comes behind the place of a cursor, if there is one: keys as texts, then the time and id of the newest first. */
export const beyond = (keys: readonly Sorted[], { after }: Slice, values: Values): string => {
  if (!after) return 'true'
  const [at, id] = after.slice(-2) as [string, string]
  const newest = `(r.created_at, r.record_id) < (${values.add(at, 'timestamptz')}, ${values.add(id, 'text')})`
  return keys.reduceRight((rest, { sql, direction }, i) => {
    const value = values.add(after[i] as string, 'text')
    return `(${sql} ${direction === 'asc' ? '>' : '<'} ${value} or (${sql} = ${value} and ${rest}))`
  }, newest)
}

/** The parts of a select of the page's records, of which `filter` must be used: it adds to the values. */
export type Chosen = { select: string; filter: string; by: string }
export const chosenBy = ({ keys, filter, slice, values }: Asking): Chosen => {
  const columns = ['r.*', ...keys.map(({ name, sql }) => `${sql} as ${name}`)].join(', ')
  const by = [...keys.map(({ name, direction }) => `${name} ${direction}`), 'r.created_at desc', 'r.record_id desc'].join(', ')
  return { select: `select ${columns}`, filter: `${filter} and ${beyond(keys, slice, values)}`, by: `order by ${by}` }
}
