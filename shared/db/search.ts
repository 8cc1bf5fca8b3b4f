import { bytesOf } from '../embeddings/vector.ts'
import { Refusal } from '../errors.ts'
import { parseJson, stringify } from '../json.ts'
import { diversify, wordsOf } from '../search/diversify.ts'
import { type Asked, type Collection, type Hit, type Narrow, POOL, type Search } from '../search/search.ts'
import type { Statement } from './batch.ts'
import type { Database } from './database.ts'
import { documentsWhere, faqsWhere } from './filters.ts'
import type { Scope } from './scope.ts'
import { type Values, valuesOf } from './where.ts'

/** More candidates than are answered, where some are passed over for being alike. */
const ALIKE = 4

/** A phrase that must stand there: what is only near in meaning does not have it. */
const QUOTED = /"[^"]*[^"\s][^"]*"/

/** Where a collection's items `r` are, and what a result `h` shows of them. */
const sources: Record<Collection, { table: string; chunks?: string; title: string; content: string }> = {
  knowledge: { table: 'knowledge_entries', title: 'r.title', content: 'r.content' },
  documents: {
    table: 'rag_documents',
    chunks: 'left join rag_chunks c on c.organization_id = r.organization_id and c.document_id = r.id and c.number = h.chunk',
    title: 'r.title',
    content: 'coalesce(c.content, r.content)',
  },
  faqs: { table: 'faqs', title: 'r.question', content: 'r.answer' },
}

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

/** `nearest`: how many vectors an arm brings, twice what is answered where nothing else has a say. */
type Places = {
  query: string | undefined
  vector: string | undefined
  nearest: string | number
  generation: (collection: Collection) => string
}

/** The hits of a collection: what words find, what is nearest, and what each says of the other's. */
const hitsOf = (
  collection: Collection,
  { narrow, mode }: Asked,
  values: Values,
  { query, vector, nearest, generation }: Places,
): string => {
  const name = (part: string) => `${collection}_${part}`
  const filter = condition(collection, narrow, values)
  const among = filter === undefined ? 'null::text[]' : `(select ids from ${name('among')})`
  const ctes: string[] = []
  const as = (part: string, text: string) => void ctes.push(`${name(part)} as materialized (${text})`)
  if (filter !== undefined) {
    const { table } = sources[collection]
    as(
      'among',
      `select coalesce(array_agg(r.id), '{}') as ids from ${table} r where r.organization_id = $1 and r.deleted_at is null and ${filter}`,
    )
  }
  const none = (score: string) => `select null::text as item_id, null::int as chunk, null::float8 as ${score} limit 0`
  const near = vector !== undefined && mode !== 'text'
  as('near', near ? `select * from nearest('${collection}', ${generation(collection)}, ${vector}, ${nearest}, ${among})` : none('cosine'))
  as(
    'words',
    query !== undefined && mode !== 'vector'
      ? `select h.* from (select array_agg(item_id) as items, array_agg(chunk) as chunks from ${name('near')}) also,
    text_hits('${collection}', ${query}, ${POOL}, ${among}, also.items, also.chunks) h`
      : none('score'),
  )
  as(
    'cosines',
    near
      ? `select * from ${name('near')} union all
    select c.* from (
      select array_agg(w.item_id) as items, array_agg(w.chunk) as chunks from ${name('words')} w
      where not exists (select from ${name('near')} n where n.item_id = w.item_id and n.chunk = w.chunk)
    ) rest, cosines('${collection}', ${generation(collection)}, ${vector}, rest.items, rest.chunks) c`
      : none('cosine'),
  )
  return ctes.join(', ')
}

/** The items `r` of the best hits `h`. */
const itemsOf = (collection: Collection): string =>
  `best h join ${sources[collection].table} r on r.organization_id = $1 and r.id = h.item_id and r.deleted_at is null and h.collection = '${collection}'`

const resultOf = (collection: Collection, named: boolean): string => {
  const { chunks = '', title, content } = sources[collection]
  return `select h.score, h.collection, h.item_id, h.chunk,
    (case when h.chunk > 0 then jsonb_build_object('chunk', h.chunk) else '{}' end || ${named ? "jsonb_build_object('collection', h.collection) ||" : ''}
    jsonb_build_object('id', h.item_id, 'title', ${title}, 'content', ${content}, 'highlight', highlighted(m.language, ${content}, m.words),
      'score', round(h.score::numeric, 6), 'scores', jsonb_build_object('text', round(h.words::numeric, 4), 'vector', round(h.cosine::numeric, 6))))::text as json
  from ${itemsOf(collection)} ${chunks} join marked m on m.language = coalesce(r.language, 'en')`
}

/**
 * One statement, and so one moment of the database. Scores of words are divided by the best of them; a cosine is measured from that of
 * the last of the nearest, out of what is left to 1: models differ in how near they see what has nothing in common, and one that sees
 * no difference makes none. An arm that found nothing has no say; an item without vector gets an average one.
 */
const statementOf = (organization: string, asked: Asked): Statement => {
  const { collections, weights, question, mode } = asked
  const values = valuesOf([organization])
  const query = asked.query === undefined ? undefined : values.add(asked.query, 'text')
  const vector = question && values.add(bytesOf(question.vector), 'real[]')
  const made =
    question && `${values.add(question.provider, 'text')}, ${values.add(question.model, 'text')}, ${values.add(question.dimensions, 'int')}`
  const [text, near] = [values.add(weights.text, 'float8'), values.add(weights.vector, 'float8')]
  const least = values.add(asked.min_score, 'float8')
  const most = values.add(asked.diversity > 0 ? asked.limit * ALIKE : asked.limit, 'int')
  const generation = (collection: Collection) => `(select serving_generation('${collection}', ${made}))`
  const places = { query, vector, nearest: mode === 'vector' ? `2 * ${most}` : POOL, generation }
  const quoted = mode === 'hybrid' && QUOTED.test(asked.query ?? '')
  const found = collections.map(
    name => `select '${name}' as collection, item_id, chunk, w.score as words, v.cosine
  from ${name}_words w full join ${name}_cosines v using (item_id, chunk)${quoted ? ' where w.score is not null' : ''}`,
  )
  const narrowed = Object.values(asked.narrow).some(value => value !== undefined)
  return {
    name: `search.${mode}.${collections.join('_')}.${query === undefined ? '' : 'words'}.${question ? 'vector' : ''}${quoted ? '.quoted' : ''}`,
    ...(narrowed ? { nameless: true } : {}),
    text: `with ${collections.map(collection => hitsOf(collection, asked, values, places)).join(',\n')},
hit as materialized (${found.join('\n  union all ')}
), weight as materialized (
  select case when max(words) > 0 then ${text} else 0 end as words, case when count(cosine) > 0 then ${near} else 0 end as cosine,
    nullif(max(words), 0) as most, avg(cosine) as average,
    ${mode === 'vector' ? '0' : `coalesce((select greatest(cosine, 0) from hit where cosine is not null order by cosine desc offset ${POOL - 1} limit 1), 0)`} as last
  from hit
), best as materialized (
  select * from (
    select h.*, (w.words * coalesce(h.words / w.most, 0) + w.cosine * ${mode === 'vector' ? 'h.cosine' : 'coalesce(greatest((coalesce(h.cosine, w.average) - w.last) / nullif(1 - w.last, 0), 0), 0)'})
      / nullif(w.words + w.cosine, 0) as score
    from hit h, weight w
  ) scored
  where score >= ${least}
  order by score desc, collection, item_id, chunk limit ${most}
), marked as materialized (
  select language, marked_words(language, ${query ?? 'null'}) as words
  from (${collections.map(name => `select coalesce(r.language, 'en') as language from ${itemsOf(name)}`).join(' union all ')}) shown group by language
)
select json, score from (${collections.map(name => resultOf(name, !collections.includes('knowledge'))).join('\n  union all ')}) result
order by result.score desc, collection, item_id, chunk`,
    values: values.list,
  }
}

/** A search by vectors alone that finds nothing: because nothing is there, or because the database cannot compare vectors. */
const insistOnVectors = async (db: Database, scope: Scope): Promise<void> => {
  const [row] = await db.read(scope, { name: 'search.vectors', text: 'select searches_vectors()', values: [] })
  if (row?.[0] !== 't') throw new Refusal('unavailable', 'this database has no pgvector: it can be searched by words only')
}

/** Search over items in Postgres: one statement. */
export const postgresSearch = (db: Database): Search => ({
  search: async (scope, asked) => {
    const rows = await db.read(scope, statementOf(scope.organization_id, asked))
    if (asked.mode === 'vector' && rows.length === 0) await insistOnVectors(db, scope)
    const texts = rows.map(([json]) => json as string)
    if (asked.diversity === 0) return texts
    const ranked = rows.map(([json, score]) => ({
      json: json as string,
      score: Number(score),
      words: wordsOf((parseJson(json as string) as unknown as Hit).content),
    }))
    return diversify(ranked, asked.diversity, asked.limit).map(({ json }) => json)
  },
})
