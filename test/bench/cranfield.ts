import { literalOf, unit } from '../../shared/embeddings/vector.ts'
import { onServer } from '../support/global.ts'
import { randomOf } from '../support/random.ts'
import { type Bench, type Ground, gateway } from './ground.ts'
import { type Doc, FOLDER, judged, lacksJudged, mean, ndcg, type Query } from './judged.ts'

const STEP = 200
const NOISE = [1, 4, 100]
const GRID = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]

type Body = Record<string, unknown>

const vectorOf = (numbers: readonly number[]): Float32Array => unit(numbers) ?? new Float32Array(1536)

/** Normally distributed (Box and Muller 1958). */
const gaussian = (random: () => number): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** The same vectors with as much noise of their own length as said: what a weak model would make. */
const weakened = (docs: readonly Doc[], noise: number): Doc[] => {
  const random = randomOf(noise)
  return docs.map(doc => {
    const own = vectorOf(doc.vector)
    const scale = noise / Math.sqrt(doc.vector.length)
    return { ...doc, vector: doc.vector.map((_, i) => (own[i] as number) + scale * gaussian(random)) }
  })
}

const insertDocuments = `insert into rag_documents (organization_id, id, title, content, language, chunk_count, embedding_state, version, created_at, updated_at)
select $2, id, title, content, 'en', 1, 'done', nextval('row_version'), now(), now() from jsonb_to_recordset($1::jsonb) d (id text, title text, content text)`
const insertChunks = `insert into rag_chunks (organization_id, document_id, number, content)
select $2, id, 1, content from jsonb_to_recordset($1::jsonb) d (id text, content text)`
const insertVectors = `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select $2, 'documents', id, 1, embedding_generation($2, 'documents', 'caller', 'caller', 1536), vector::real[], ''
from jsonb_to_recordset($1::jsonb) d (id text, vector text)`

const fill = async ({ sql }: Ground, organization: string, docs: readonly Doc[]): Promise<void> => {
  for (let i = 0; i < docs.length; i += STEP) {
    const some = docs.slice(i, i + STEP)
    const texts = JSON.stringify(some.map(({ id, title, content }) => ({ id, title, content })))
    await sql(insertDocuments, [texts, organization])
    await sql(insertChunks, [texts, organization])
    await sql(insertVectors, [JSON.stringify(some.map(({ id, vector }) => ({ id, vector: literalOf(vectorOf(vector)) }))), organization])
  }
}

/** The recipe of Supabase's documentation: every word must match, ts_rank_cd, and the two ranks fused (k = 50, 1:1). */
const recipe = `with words as (
  select c.document_id as id, row_number() over (order by ts_rank_cd(to_tsvector('english', c.content), websearch_to_tsquery('english', $2)) desc) as rank
  from rag_chunks c where c.organization_id = $1 and to_tsvector('english', c.content) @@ websearch_to_tsquery('english', $2)
  order by rank limit 20
), near as (
  select item_id as id, row_number() over (order by embedding <=> $3::real[]::vector) as rank from item_vectors
  where organization_id = $1 order by rank limit 20
)
select coalesce(w.id, n.id) as id from words w full join near n on n.id = w.id
order by coalesce(1.0 / (50 + w.rank), 0) + coalesce(1.0 / (50 + n.rank), 0) desc limit 10`

/** How well search ranks, on judged questions. */
export const cranfield: Bench = {
  name: 'cranfield',
  about: `nDCG@10 of POST /rag/search on the Cranfield collection in ${FOLDER || 'the folder that BENCH_CRANFIELD names'}`,
  lacks: lacksJudged,
  run: async ground => {
    const { docs, queries, gainsOf } = judged()
    const ours = await ground.serve(gateway, { EMBEDDING_PROVIDER: 'none' })
    const { id, key } = await ground.organization(ours, 'cranfield')
    await fill(ground, id, docs)
    const found = async (token: string, query: Query, body: Body): Promise<string[]> => {
      const response = await fetch(`${ours.url}/rag/search`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ query: query.text, collections: ['documents'], limit: 10, ...body }),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 300)}`)
      return (JSON.parse(text).items as { id: string }[]).map(item => item.id)
    }
    let empty = 0
    const scores = async (token: string, which: readonly Query[], bodyOf: (query: Query) => Body): Promise<number> => {
      const all: number[] = []
      for (const query of which) {
        const ids = await found(token, query, bodyOf(query))
        if (ids.length === 0) empty++
        all.push(ndcg(gainsOf(query), ids))
      }
      return mean(all)
    }
    const hybrid = (weights?: Body) => (query: Query) => ({ embedding: query.vector, ...(weights ? { weights } : {}) })
    const half = (rest: number) => queries.filter((_, i) => i % 2 === rest)

    const text = await scores(key, queries, () => ({ mode: 'text' }))
    const vector = await scores(key, queries, query => ({ mode: 'vector', embedding: query.vector }))
    const exact = mean(queries.map(query => ndcg(gainsOf(query), nearestOf(docs, query))))
    const usual = await scores(key, queries, hybrid())
    let chosen = { weight: 0, score: 0 }
    for (const weight of GRID) {
      const score = await scores(key, half(0), hybrid({ text: 1 - weight, vector: weight }))
      if (score > chosen.score) chosen = { weight, score }
    }
    const weights = { text: 1 - chosen.weight, vector: chosen.weight }
    const held = await scores(key, half(1), hybrid(weights))
    const heldText = await scores(key, half(1), () => ({ mode: 'text' }))
    const heldVector = await scores(key, half(1), query => ({ mode: 'vector', embedding: query.vector }))
    const weak: [number, number, number][] = []
    for (const noise of NOISE) {
      const other = await ground.organization(ours, `noise-${noise}`)
      await fill(ground, other.id, weakened(docs, noise))
      const alone = await scores(other.key, queries, query => ({ mode: 'vector', embedding: query.vector }))
      weak.push([noise, alone, await scores(other.key, queries, hybrid())])
    }
    const supabase = mean(
      await onServer(ground.database, async client => {
        const all: number[] = []
        for (const query of queries) {
          const { rows } = await client.query<{ id: string }>(recipe, [id, query.text, literalOf(vectorOf(query.vector))])
          all.push(
            ndcg(
              gainsOf(query),
              rows.map(row => row.id),
            ),
          )
        }
        return all
      }),
    )
    const cell = (score: number) => score.toFixed(4)
    return {
      table: [
        ['', 'nDCG@10'],
        ['text', cell(text)],
        ['vector', cell(vector)],
        ['exact cosine, computed beside', cell(exact)],
        ['hybrid, default weights', cell(usual)],
        [`hybrid, vector ${chosen.weight} chosen on one half`, cell(chosen.score)],
        ['the same on the other half', cell(held)],
        ['text, vector on the other half', `${cell(heldText)}, ${cell(heldVector)}`],
        ...weak.map(([noise, alone, both]) => [`noise ${noise}: vector, hybrid by default`, `${cell(alone)}, ${cell(both)}`]),
        ["Supabase's recipe", cell(supabase)],
      ],
      targets: [
        { what: 'text', value: text, least: 0.5 },
        { what: 'vector, off exact cosine', value: Math.abs(vector - exact), most: 0.005 },
        { what: 'hybrid on the other half', value: held, least: Math.max(0.55, heldText, heldVector) },
        { what: 'what weak vectors cost the hybrid', value: text - Math.min(...weak.map(([, , both]) => both)), most: 0.01 },
        { what: 'questions without an answer', value: empty, most: 0 },
      ],
    }
  },
}

const nearestOf = (docs: readonly Doc[], query: Query): string[] => {
  const asked = vectorOf(query.vector)
  const cosine = (doc: Doc) => vectorOf(doc.vector).reduce((sum, number, i) => sum + number * (asked[i] as number), 0)
  return docs
    .map(doc => ({ id: doc.id, near: cosine(doc) }))
    .sort((a, b) => b.near - a.near)
    .slice(0, 10)
    .map(({ id }) => id)
}
