import { bytesOf, CALLER } from '../embeddings/vector.ts'
import { Refusal } from '../errors.ts'
import { parseJson } from '../json.ts'
import { diversify, wordsOf } from '../search/diversify.ts'
import { type Asked, type Collection, type Hit, type Mode, POOL, type Search, type Weights } from '../search/search.ts'
import type { Statement } from './batch.ts'
import type { Database } from './database.ts'
import type { Scope } from './scope.ts'
import { foundOf, hitsOf, tables } from './search.hits.ts'
import { valuesOf } from './where.ts'

/** More candidates than are answered, where some are passed over for being alike. */
const ALIKE = 4

/** Of one arm without the other. */
const ALONE: Weights = { text: 1, vector: 1 }

/** A phrase that must stand there: what is only near in meaning does not have it. */
const QUOTED = /"[^"]*[^"\s][^"]*"/

/** Characters that a result shows of a text that is cut into no pieces. */
const SHOWN = 10_000

/** What a result `h` shows of an item `r`, and the text whose words it marks. */
const sources: Record<Collection, { chunks?: string; title: string; content: string; text: string }> = {
  knowledge: { title: 'r.title', content: `left(r.content, ${SHOWN})`, text: 'r.content' },
  documents: {
    chunks: 'left join rag_chunks c on c.organization_id = r.organization_id and c.document_id = r.id and c.number = h.chunk',
    title: 'r.title',
    content: `coalesce(c.content, left(r.content, ${SHOWN}))`,
    text: 'coalesce(c.content, r.content)',
  },
  faqs: { title: 'r.question', content: `left(r.answer, ${SHOWN})`, text: 'r.answer' },
}

/** The items `r` of the best hits `h`. */
const itemsOf = (collection: Collection): string =>
  `best h join ${tables[collection]} r on r.organization_id = $1 and r.id = h.item_id and r.deleted_at is null and h.collection = '${collection}'`

const resultOf = (collection: Collection, named: boolean, marks: boolean): string => {
  const { chunks = '', title, content, text } = sources[collection]
  return `select h.score, h.collection, h.item_id, h.chunk,
    (case when h.chunk > 0 then jsonb_build_object('chunk', h.chunk) else '{}' end || ${named ? "jsonb_build_object('collection', h.collection) ||" : ''}
    jsonb_build_object('id', h.item_id, 'title', ${title}, 'content', ${content}, 'highlight', ${marks ? `highlighted(m.language, ${text}, m.words)` : 'null::text'},
      'score', round(h.score::numeric, 6), 'scores', jsonb_build_object('text', round(h.words::numeric, 4), 'vector', round(h.cosine::numeric, 6))))::text as json
  from ${itemsOf(collection)} ${chunks}${marks ? " join marked m on m.language = coalesce(r.language, 'en')" : ''}`
}

/** Candidates of each arm: where the other has no say, what is answered is enough of words, and twice as many of vectors. */
const poolsOf = (mode: Mode, vector: string | undefined, most: string) => ({
  nearest: mode === 'vector' ? `2 * ${most}` : POOL,
  worded: vector === undefined ? `least(${most}, ${POOL})` : POOL,
})

/** The words that are marked in what is shown, of each language. */
const markedOf = (collections: readonly Collection[], query: string): string => `marked as materialized (
  select language, marked_words(language, ${query}) as words
  from (${collections.map(name => `select coalesce(r.language, 'en') as language from ${itemsOf(name)}`).join(' union all ')}) shown group by language
)`

/**
 * One statement, and so one moment of the database. Scores of words are divided by the best of them; a cosine is measured from that of
 * the last of the nearest, out of what is left to 1: models differ in how near they see what has nothing in common, and one that sees
 * no difference makes none. An arm that found nothing has no say, one that is alone all of it; an item without vector gets an average one.
 */
const statementOf = (organization: string, asked: Asked): Statement => {
  const { collections, question, mode } = asked
  const values = valuesOf([organization])
  const query = asked.query === undefined ? undefined : values.add(asked.query, 'text')
  const vector = question && values.add(bytesOf(question.vector), 'real[]')
  const made =
    question && `${values.add(question.provider, 'text')}, ${values.add(question.model, 'text')}, ${values.add(question.dimensions, 'int')}`
  const weights = query === undefined || vector === undefined ? ALONE : asked.weights
  const [text, near] = [values.add(weights.text, 'float8'), values.add(weights.vector, 'float8')]
  const least = values.add(asked.min_score, 'float8')
  const most = values.add(asked.diversity > 0 ? asked.limit * ALIKE : asked.limit, 'int')
  const serving = mode === 'vector' ? 'asked_generation' : 'serving_generation'
  const generation = (collection: Collection) => `(select ${serving}('${collection}', ${made}))`
  const brought = question?.provider === CALLER.provider
  const wholes = (collection: Collection) => brought && collection === 'documents'
  const places = { query, vector, ...poolsOf(mode, vector, most), generation }
  const quoted = mode === 'hybrid' && QUOTED.test(asked.query ?? '')
  const found = collections.map(name => foundOf(name, wholes(name)))
  const narrowed = Object.values(asked.narrow).some(value => value !== undefined)
  return {
    name: `search.${mode}.${collections.join('_')}.${query === undefined ? '' : 'words'}.${brought ? 'brought' : question ? 'vector' : ''}${quoted ? '.quoted' : ''}`,
    ...(narrowed ? { nameless: true } : {}),
    text: `with ${collections.map(name => hitsOf(name, asked, values, { ...places, whole: wholes(name) })).join(',\n')},
hit as materialized (select * from (${found.join('\n  union all ')}) f${quoted ? ' where words is not null' : ''}
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
  order by score desc, collection, item_id collate "C", chunk limit ${most}
)${query === undefined ? '' : `, ${markedOf(collections, query)}`}
select json, score from (${collections.map(name => resultOf(name, !collections.includes('knowledge'), query !== undefined)).join('\n  union all ')}) result
order by result.score desc, collection, item_id collate "C", chunk`,
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
