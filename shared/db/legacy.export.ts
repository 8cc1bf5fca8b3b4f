import type { Statement } from './batch.ts'
import { emptyKeys } from './legacy.compare.ts'
import { entryOf } from './legacy.entry.ts'
import { isAlive } from './legacy.import.ts'
import type { Collection } from './legacy.ts'

/** One of `buckets` parts of a collection's keys: a key in it that two organizations have, which a dictionary cannot hold. */
export const sharedKey = (collection: Collection, bucket: number, buckets: number): Statement => {
  const key = collection.nested?.kind === 'map' ? collection.nested.key : 'id'
  return {
    name: `legacy.shared_key_${collection.name}`,
    text: `select ${key} from ${collection.table} r
where ${isAlive(collection)} and hashtextextended(${key}, 0) & ($2::int - 1) = $1::int
group by ${key} having min(organization_id) <> max(organization_id) order by ${key} limit 1`,
    values: [bucket, buckets],
  }
}

/** About how many rows a collection has. */
export const rowsOf = ({ name, table }: Collection): Statement => ({
  name: `legacy.rows_${name}`,
  text: `select count(*)::text from ${table}`,
  values: [],
})

/**
 * Opens the cursor `entries` over a dictionary: the key as JSON, and the text of its member, or of the inner one. Only ids are
 * sorted, where they must be: each row is fetched, and its text made, when it is asked for (`offset 0` keeps it behind the sort).
 */
export const openExport = (collection: Collection, none: string | null, only: string | null): Statement => {
  const { name, table, nested } = collection
  const mine = `${isAlive(collection)} and r.organization_id = coalesce($2::text, r.organization_id)`
  const entry = `${entryOf(collection, 'r.', 'asked.none')}::text`
  const asked = '(select $1::text as none) asked'
  const inner = nested?.place ? `to_json(r.${nested.place})::text || ':' || ${entry}` : entry
  const plain = `select to_json(id)::text, ${entry} from ${table} r, ${asked} where ${mine} order by organization_id, id`
  const sorted =
    nested &&
    `select to_json(k.key)::text, inside.text
from (select r.ctid, r.tableoid, r.${nested.key} as key from ${table} r where ${mine} order by r.${nested.key}, ${nested.order ?? 'r.organization_id, r.id'}) k,
  lateral (select ${inner} as text from ${table} r, ${asked} where r.ctid = k.ctid and r.tableoid = k.tableoid offset 0) inside`
  return { name: `legacy.export_${name}`, text: `declare entries no scroll cursor for ${sorted ?? plain}`, values: [none, only] }
}

export const nextEntries = (limit: number): Statement => ({
  name: `legacy.export_${limit}`,
  text: `fetch forward ${limit} from entries`,
  values: [],
})

/** The keys of a nested dictionary that hold nothing, as JSON. */
export const emptyExport = (collection: Collection, only: string | null): Statement => ({
  name: `legacy.export_empty_${collection.name}`,
  text: `select distinct to_json(key)::text from (${emptyKeys(collection, '$1')}) e`,
  values: [only],
})
