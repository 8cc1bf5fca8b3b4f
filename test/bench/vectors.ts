import pg from 'pg'
import { insist } from '../support/ask.ts'
import { type Asking, type Times, timed } from '../support/closed.ts'
import { onServer } from '../support/global.ts'
import { randomOf } from '../support/random.ts'
import { type Bench, type Ground, gateway } from './ground.ts'

const CHUNKS = Number(process.env.BENCH_CHUNKS ?? 100_000)
const ORGANIZATIONS = 50
const STEP = 2000
const QUESTIONS = 40
const CLIENTS = 8
const MILLISECONDS = 5000
const ROUNDS = 3
const K = 10
/** Of the largest organization's chunks, so many match: a filter of its metadata. */
const SHARES = { half: 2, tenth: 10, hundredth: 100, thousandth: 1000 } as const

/** Topics of all, themes of each topic, chunks of each theme: normal noise around each, as documents on one matter lie together. */
const THEMES = `create table bench_themes as
with topic as materialized (
  select t, array_agg(random_normal() order by i) as v from generate_series(0, 99) t, generate_series(1, 1536) i group by t
)
select n, (select array_agg(x + 0.7 * random_normal() order by i) from unnest(v) with ordinality u (x, i)) as v
from topic, generate_series(t * 40, t * 40 + 39) n`

const insertDocuments = `insert into rag_documents (organization_id, id, title, content, language, metadata, chunk_count, embedding_state, version, created_at, updated_at)
select $1, 'd' || n, 'Document ' || n, 'Text ' || n, 'xx', jsonb_build_object('half', n % 2 = 0, 'tenth', n % 10 = 0, 'hundredth', n % 100 = 0,
  'thousandth', n % 1000 = 0), 1, 'done', nextval('row_version'), now(), now() from generate_series($2::int, $3::int) n`
const insertVectors = `insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select $1, 'documents', 'd' || s, 0, embedding_generation($1, 'documents', 'caller', 'caller', 1536),
  l2_normalize((select array_agg(x + 0.5 * random_normal() order by i) from unnest(t.v) with ordinality u (x, i))::vector), ''
from generate_series($2::int, $3::int) s join bench_themes t on t.n = abs(hashint4(s)) % 4000`

/** Half of the chunks are the first organization's, and so on: 50 % down to a few. */
const sizes = (): number[] => {
  const weights = Array.from({ length: ORGANIZATIONS }, (_, i) => (i === 0 ? 49 : 1 / i))
  const total = weights.slice(1).reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight, i) => Math.round(i === 0 ? CHUNKS / 2 : ((CHUNKS / 2) * weight) / total))
}

type Asked = { vector: number[]; where?: Record<string, boolean> }

/** Vectors near some of an organization's: what a question on their matter is like. */
const questionsOf = async (database: string, organization: string, many: number): Promise<number[][]> => {
  const random = randomOf(7)
  const text = `select embedding::real[] as v from item_vectors where organization_id = $1 and item_id = any ($2)`
  const [count] = await onServer(
    database,
    async c => (await c.query(`select count(*)::int as n from item_vectors where organization_id = $1`, [organization])).rows,
  )
  const ids = Array.from({ length: many }, () => `d${1 + Math.floor(random() * count.n)}`)
  const rows = await onServer(database, async c => (await c.query<{ v: number[] }>(text, [organization, ids])).rows)
  return rows.map(({ v }) => v.map(x => Math.round((x + (0.3 / Math.sqrt(1536)) * (random() * 2 - 1) * 1.7) * 1e5) / 1e5))
}

const exact = (database: string, organization: string, { vector, where }: Asked): Promise<string[]> =>
  onServer(database, async client => {
    const { rows } = await client.query<{ id: string }>(
      `select v.item_id as id from item_vectors v join rag_documents d on d.organization_id = v.organization_id and d.id = v.item_id
       where v.organization_id = $1 and d.metadata @> $3::jsonb order by (v.embedding <=> $2::real[]::vector) + 0 limit ${K}`,
      [organization, vector, JSON.stringify(where ?? {})],
    )
    return rows.map(row => row.id)
  })

const near = (vector: number[], where?: object) => ({
  mode: 'vector',
  embedding: vector,
  limit: K,
  collections: ['documents'],
  ...(where ? { where } : {}),
})

/** What the index alone gives and takes, at one precision. */
const indexAlone = (
  database: string,
  type: 'vector' | 'halfvec',
  questions: readonly number[][],
): Promise<{ recall: number; p50: number }> =>
  onServer(database, async client => {
    await client.query('set hnsw.ef_search = 200')
    let hits = 0
    const times: number[] = []
    const ids = async (text: string, vector: number[]) => (await client.query<{ id: string }>(text, [vector])).rows.map(row => row.id)
    for (const vector of questions) {
      const by = `embedding::${type}(1536) <=> $1::real[]::vector(1536)::${type}(1536)`
      const begin = performance.now()
      const found = await ids(`select organization_id || item_id as id from item_vectors order by ${by} limit ${K}`, vector)
      times.push(performance.now() - begin)
      const best = await ids(
        `select organization_id || item_id as id from item_vectors order by (embedding <=> $1::real[]::vector) + 0 limit ${K}`,
        vector,
      )
      hits += found.filter(id => best.includes(id)).length
    }
    times.sort((a, b) => a - b)
    return { recall: hits / (K * questions.length), p50: times[times.length >> 1] as number }
  })

/** The search's own work, asked for by bare connections: the same function, the same rows. */
const bare = async (database: string, organization: string, questions: readonly number[][]): Promise<Times> => {
  const clients = await Promise.all(
    questions.map(async () => {
      const client = new pg.Client({ connectionString: database })
      await client.connect()
      await client.query(`select set_config('app.organization_id', $1, false), set_config('role', 'agenthub_app', false)`, [organization])
      return client
    }),
  )
  const text = `select n.item_id, r.title, r.content, n.cosine
    from nearest('documents', serving_generation('documents', 'caller', 'caller', 1536), $1::real[], 100, null) n
    join rag_documents r on r.organization_id = $2 and r.id = n.item_id order by n.cosine desc limit ${K}`
  const times: number[] = []
  const end = performance.now() + MILLISECONDS
  try {
    await Promise.all(
      clients.map(async (client, i) => {
        for (let begin = performance.now(); begin < end; begin = performance.now()) {
          await client.query({ name: 'near', text, values: [questions[i], organization] })
          times.push(performance.now() - begin)
        }
      }),
    )
  } finally {
    for (const client of clients) await client.end()
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] as number
  return { count: times.length, p50: at(0.5), p99: at(0.99) }
}

const fill = async ({ sql }: Ground, organizations: readonly string[]): Promise<void> => {
  await sql('drop index item_vectors_nearest')
  await sql(THEMES)
  for (const [i, size] of sizes().entries())
    for (let first = 1; first <= size; first += STEP) {
      const part = [organizations[i], first, Math.min(size, first + STEP - 1)]
      await sql(insertDocuments, part)
      await sql(insertVectors, part)
    }
}

const indexed = async (database: string, type: 'vector' | 'halfvec'): Promise<{ seconds: number; bytes: number }> =>
  onServer(database, async client => {
    const begin = performance.now()
    await client.query("set maintenance_work_mem = '1500MB'")
    await client.query(`create index item_vectors_${type} on item_vectors using hnsw ((embedding::${type}(1536)) ${type}_cosine_ops)`)
    const { rows } = await client.query<{ bytes: string }>(`select pg_relation_size('item_vectors_${type}') as bytes`)
    return { seconds: (performance.now() - begin) / 1000, bytes: Number(rows[0]?.bytes) }
  })

/** Search by vectors: what it finds of what there is, and what it takes. */
export const vectors: Bench = {
  name: 'vectors',
  about: `POST /rag/search by vector over ${CHUNKS} chunks of 1,536 numbers of ${ORGANIZATIONS} organizations`,
  lacks: async server => {
    const { rowCount } = await onServer(server, client => client.query("select from pg_available_extensions where name = 'vector'"))
    return rowCount === 0 ? 'the server has no pgvector: name one that has by DATABASE_URL' : undefined
  },
  run: async ground => {
    const { database, sql } = ground
    const ours = await ground.serve(gateway, { EMBEDDING_PROVIDER: 'none', DB_POOL_SIZE: String(CLIENTS) })
    const keys: { id: string; key: string }[] = []
    for (let i = 0; i < ORGANIZATIONS; i++) keys.push(await ground.organization(ours, `org${i}`))
    await fill(
      ground,
      keys.map(({ id }) => id),
    )
    const full = await indexed(database, 'vector')
    const [large] = keys as [{ id: string; key: string }]
    const questions = await questionsOf(database, large.id, QUESTIONS)
    const fullAlone = await indexAlone(database, 'vector', questions)
    await sql('drop index item_vectors_vector')
    const half = await indexed(database, 'halfvec')
    const halfAlone = await indexAlone(database, 'halfvec', questions)
    await sql('vacuum analyze')

    const table: string[][] = [['', 'recall@10', 'too few']]
    const targets = []
    const recallOf = async (what: string, { id, key }: { id: string; key: string }, asked: readonly Asked[]) => {
      let [hits, most, short] = [0, 0, 0]
      for (const one of asked) {
        const { body } = await insist(ours.url, key, { method: 'POST', path: '/rag/search', body: near(one.vector, one.where) })
        const found = (body.items as { id: string }[]).map(item => item.id)
        const best = await exact(database, id, one)
        if (found.length !== best.length) short++
        most += best.length
        hits += best.filter(other => found.includes(other)).length
      }
      table.push([what, (hits / most).toFixed(4), String(short)])
      targets.push(
        { what: `recall@10, ${what}`, value: hits / most, least: 0.95 },
        { what: `answers too short, ${what}`, value: short, most: 0 },
      )
    }
    for (const place of [0, 1, 5, 49]) {
      const one = keys[place] as { id: string; key: string }
      const asked = (await questionsOf(database, one.id, QUESTIONS)).map(vector => ({ vector }))
      await recallOf(`organization of ${sizes()[place]} chunks`, one, asked)
    }
    for (const [field, share] of Object.entries(SHARES))
      await recallOf(
        `1 in ${share} of ${sizes()[0]}`,
        large,
        questions.map(vector => ({ vector, where: { [field]: true } })),
      )

    const headers = { authorization: `Bearer ${large.key}`, 'content-type': 'application/json' }
    const eight = questions.slice(0, CLIENTS)
    const asking = eight.map(
      (vector): Asking => ({ method: 'POST', url: `${ours.url}/rag/search`, headers, body: JSON.stringify(near(vector)) }),
    )
    await timed(asking, 1000)
    const rounds: { http: Times; sql: Times }[] = []
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ http: await timed(asking, MILLISECONDS), sql: await bare(database, large.id, eight) })
    const best = (side: 'http' | 'sql', part: keyof Times) =>
      rounds.map(round => round[side][part]).sort((a, b) => a - b)[ROUNDS >> 1] as number
    const row = (what: string, side: 'http' | 'sql') => [
      what,
      `${best(side, 'p50').toFixed(1)} ms`,
      `p99 ${best(side, 'p99').toFixed(1)} ms`,
    ]
    const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`
    table.push(
      row(`HTTP, ${CLIENTS} clients`, 'http'),
      row(`bare SQL, ${CLIENTS} connections`, 'sql'),
      [
        'index of halfvec alone',
        halfAlone.recall.toFixed(4),
        `${megabytes(half.bytes)}, ${half.seconds.toFixed(0)} s to build, ${halfAlone.p50.toFixed(1)} ms`,
      ],
      [
        'index of vector alone',
        fullAlone.recall.toFixed(4),
        `${megabytes(full.bytes)}, ${full.seconds.toFixed(0)} s to build, ${fullAlone.p50.toFixed(1)} ms`,
      ],
    )
    const ratios = rounds.map(({ http, sql: plain }) => http.p99 / plain.p99).sort((a, b) => a - b)
    targets.push(
      { what: 'p99 by HTTP / by bare SQL', value: ratios[ROUNDS >> 1] as number, most: 1.3 },
      { what: 'p99 by HTTP, ms', value: best('http', 'p99'), most: 100 },
    )
    return { table, targets }
  },
}
