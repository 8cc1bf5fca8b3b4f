import type { Embedded } from '../embeddings/items.ts'
import { embeddedSql } from '../embeddings/texts.ts'
import { literalOf, WIDTH } from '../embeddings/vector.ts'
import type { Statement, Value } from './batch.ts'

/** The collections of items with one text each, and their tables. */
const tables = { knowledge: 'knowledge_entries', faqs: 'faqs' } as const
export type Embeddable = keyof typeof tables

/** What is known of items' vectors, by their ids, as the value of `embeddedRows`. */
export const embeddedValue = (items: readonly { id: string; embedded: Embedded }[]): Value =>
  JSON.stringify(
    items.map(({ id, embedded: { vector: made, state, lacking } }) => {
      if (!made) return { id, state, lacking }
      const { vector, ...origin } = made
      return { id, state, lacking, ...origin, vector: literalOf(vector) }
    }),
  )

/** A statement's first part: the table `embedded` (id, vector, its origin and the states) of the value `place`. Sorts carry no vectors. */
export const embeddedRows = (place: string): string => `embedded as materialized (
  select e.*, vector is not null as made from jsonb_to_recordset(${place}::jsonb)
    e (id text, vector text, provider text, model text, dimensions int, hash text, state text, lacking text)
)`

const fits = (text: string) => `e.made and coalesce(e.hash, text_hash(${text})) = text_hash(${text})`

/** The state of an item (`e` its row of `embedded`) of a new text. */
export const stateOf = (text: string): string => `case when ${fits(text)} then e.state else e.lacking end`

/** The same where the item had the text `before`. */
export const stateAfter = (text: string, before: string, state: string): string =>
  `case when not (${fits(text)}) and ${text} = ${before} then ${state} else ${stateOf(text)} end`

/**
 * Further parts of a statement: the vectors of the rows in `written` (with every column of their table) are kept under their
 * generations, where they are of the text that the row has now.
 */
export const keepVectors = (collection: Embeddable, written: string): string => {
  const text = embeddedSql[collection]('w.')
  return `fitting as materialized (
  select e.*, text_hash(${text}) as text_hash from ${written} w join embedded e on e.id = w.id where ${fits(text)}
), generation as materialized (
  select provider, model, dimensions, embedding_generation($1, '${collection}', provider, model, dimensions) as number
  from (select distinct provider, model, dimensions from fitting order by 1, 2, 3) made
), kept as (
  insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
  select $1, '${collection}', f.id, 0, g.number, f.vector::real[], f.text_hash
  from fitting f join generation g using (provider, model, dimensions)
  order by f.id
  on conflict (organization_id, collection, item_id, chunk, generation) do update
  set embedding = excluded.embedding, text_hash = excluded.text_hash
)`
}

/** Whether a vector `v` is of a text that its item `i` has no more. */
const isStale = (collection: Embeddable) => `(i.deleted_at is not null or v.text_hash <> text_hash(${embeddedSql[collection]('i.')}))`

const removal = (collection: Embeddable, items: string) => `delete from item_vectors v using ${tables[collection]} i
where v.organization_id = i.organization_id and v.collection = '${collection}' and v.item_id = i.id and ${items} and ${isStale(collection)}`

/**
 * Removes what any generation holds of items' former texts. It stands behind the statement that wrote the items, in its transaction:
 * there it sees, by the lock of their rows, also what came in while that one waited.
 */
export const removeStale = (collection: Embeddable, organization: string, ids: readonly string[]): Statement => ({
  name: `vectors.stale_${collection}`,
  text: removal(collection, 'i.organization_id = $1 and i.id = any (array(select jsonb_array_elements_text($2::jsonb)))'),
  values: [organization, JSON.stringify(ids)],
})

/** The same of items that were removed at one moment. */
export const removeVectorsOfRemoved = (collection: Embeddable, organization: string, at: string): Statement => ({
  name: `vectors.removed_${collection}`,
  text: removal(collection, 'i.organization_id = $1 and i.deleted_at = $2::timestamptz'),
  values: [organization, at],
})

/** A statement of a replica's: the same of the entries in $1. */
export const removeStaleOfEntries = (collection: Embeddable): string =>
  removal(collection, `(i.organization_id, i.id) in (select e ->> 'organization_id', e ->> 'id' from jsonb_array_elements($1::jsonb) e)`)

const callers = (collection: Embeddable) => `v.collection = '${collection}' and v.generation in (
    select number from embedding_generations g where g.organization_id = v.organization_id and g.collection = '${collection}' and provider = 'caller')`

/** Of a replica's item `i`: the vector that a caller brought. As numbers of 64 bits they print as those of JavaScript do. */
export const broughtVector = (collection: Embeddable): string => `(select array_to_json(v.embedding::real[]::float8[]) from item_vectors v
  where v.organization_id = i.organization_id and v.item_id = i.id and ${callers(collection)})`

/** Statements of a replica's, behind that which wrote the entries in $1: their `vector` becomes the one that a caller brought. */
export const restoreBrought = (collection: Embeddable): string[] => [
  `delete from item_vectors v using jsonb_array_elements($1::jsonb) e
where v.organization_id = e ->> 'organization_id' and v.item_id = e ->> 'id' and ${callers(collection)}`,
  `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select i.organization_id, '${collection}', i.id, 0, embedding_generation(i.organization_id, '${collection}', 'caller', 'caller', ${WIDTH}),
  array(select number::real from jsonb_array_elements_text(e.vector) with ordinality n (number, place) order by place),
  text_hash(${embeddedSql[collection]('i.')})
from jsonb_to_recordset($1::jsonb) e (organization_id text, id text, vector jsonb)
join ${tables[collection]} i on i.organization_id = e.organization_id and i.id = e.id
where jsonb_typeof(e.vector) = 'array'`,
]

/** A part of an import, as legacy.ts has it in `also`: vectors of former texts of the rows in `written`. */
export const removeStaleOfImport = (collection: Embeddable): string => `delete from item_vectors v using written w
where v.organization_id = w.organization_id and v.collection = '${collection}' and v.item_id = w.id
  and v.text_hash <> text_hash(${embeddedSql[collection]('w.')})`
