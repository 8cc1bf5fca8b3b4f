import { stringify } from '../json.ts'
import type { Asked, Collection, Narrow } from '../search/search.ts'
import { documentsWhere, faqsWhere } from './filters.ts'
import type { Values } from './where.ts'

/** Where a collection's items are. */
export const tables: Record<Collection, string> = { knowledge: 'knowledge_entries', documents: 'rag_documents', faqs: 'faqs' }

/** The condition that the items `r` of a collection fulfil; undefined where all do. */
const condition = (collection: Collection, { where, tags, agent_id }: Narrow, values: Values): string | undefined => {
  if (collection === 'knowledge') {
    const parts = [
      ...(tags ? [`r.tags @> array(select jsonb_array_elements_text(${values.add(stringify(tags), 'jsonb')}))`] : []),
      ...(agent_id === undefined ? [] : [`r.agent_id = ${values.add(agent_id, 'text')}`]),
    ]
    return parts.length > 0 ? parts.join(' and ') : undefined
  }
  if (where === undefined) return undefined
  return (collection === 'faqs' ? faqsWhere : documentsWhere)(where, values, 'r')
}

/** `nearest` and `worded`: how many candidates an arm brings. `whole`: whether a vector at chunk 0 may be that of a document that has chunks. */
export type Places = {
  query: string | undefined
  vector: string | undefined
  nearest: string | number
  worded: string | number
  whole: boolean
  generation: (collection: Collection) => string
}

/** The hits of a collection: what words find, what is nearest, and what each says of the other's. */
export const hitsOf = (
  collection: Collection,
  { narrow, mode }: Asked,
  values: Values,
  { query, vector, nearest, worded, whole, generation }: Places,
): string => {
  const name = (part: string) => `${collection}_${part}`
  const filter = condition(collection, narrow, values)
  const among = filter === undefined ? 'null::text[]' : `(select ids from ${name('among')})`
  const ctes: string[] = []
  const as = (part: string, text: string) => void ctes.push(`${name(part)} as materialized (${text})`)
  if (filter !== undefined)
    as(
      'among',
      `select coalesce(array_agg(r.id), '{}') as ids from ${tables[collection]} r where r.organization_id = $1 and r.deleted_at is null and ${filter}`,
    )
  const none = (score: string) => `select null::text as item_id, null::int as chunk, null::float8 as ${score} limit 0`
  const near = vector !== undefined && mode !== 'text'
  as('near', near ? `select * from nearest('${collection}', ${generation(collection)}, ${vector}, ${nearest}, ${among})` : none('cosine'))
  // the text beside the vector of a whole document is at least that of its first chunk
  const also = whole ? `(select item_id, generate_series(chunk, greatest(chunk, 1)) as chunk from ${name('near')}) n` : name('near')
  as(
    'words',
    query !== undefined && mode !== 'vector'
      ? `select h.* from (select array_agg(item_id) as items, array_agg(chunk) as chunks from ${also}) also,
    text_hits('${collection}', ${query}, ${worded}, ${among}, also.items, also.chunks) h`
      : none('score'),
  )
  const texts = whole ? `(select item_id, chunk from ${name('words')} union select item_id, 0 from ${name('words')})` : name('words')
  as(
    'cosines',
    near
      ? `select * from ${name('near')} union all
    select c.* from (
      select array_agg(w.item_id) as items, array_agg(w.chunk) as chunks from ${texts} w
      where not exists (select from ${name('near')} n where n.item_id = w.item_id and n.chunk = w.chunk)
    ) rest, cosines('${collection}', ${generation(collection)}, ${vector}, rest.items, rest.chunks) c`
      : none('cosine'),
  )
  return ctes.join(', ')
}

/**
 * What was found of a collection, by item and chunk. The vector of a whole document counts for the best of its chunks that were found,
 * by words before vectors; where none was, it stands for the document, at chunk 0.
 */
export const foundOf = (collection: Collection, whole: boolean): string => {
  const pairs = `select item_id, chunk, w.score as words, v.cosine from ${collection}_words w full join ${collection}_cosines v using (item_id, chunk)`
  if (!whole) return `select '${collection}' as collection, p.* from (${pairs}) p`
  return `select '${collection}' as collection, item_id, chunk, words, case when place = 1 then greatest(cosine, of_whole) else cosine end as cosine
  from (
    select p.*, max(cosine) filter (where chunk = 0) over (partition by item_id) as of_whole,
      row_number() over (partition by item_id order by chunk = 0, nullif(words, 0) desc nulls last, cosine desc nulls last, chunk) as place
    from (${pairs}) p
  ) ranked
  where place = 1 or words > 0 or chunk > 0 and cosine is not null`
}
