import pg from 'pg'
import { insist } from '../support/ask.ts'
import { type Asking, type Times, timed } from '../support/closed.ts'
import { onServer } from '../support/global.ts'
import { randomOf } from '../support/random.ts'
import { type Bench, gateway } from './ground.ts'
import { CHUNKS, type Index, indexOf, ORGANIZATIONS, SHARES, sizes, type Tenant, tenantsOf } from './vectors.fill.ts'

const QUESTIONS = 40
const CLIENTS = 8
const MILLISECONDS = 5000
const ROUNDS = 3
const K = 10

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
  return rows.map(({ v }) => v.map(x => Math.round((x + (0.3 / Math.sqrt(1536)) * (random() * 2 - 1) * 1.7) * 1e9) / 1e9))
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

/** What the index alone gives and takes, at one precision: a row of the table. */
const indexAlone = (database: string, { type, seconds, bytes }: Index, questions: readonly number[][]): Promise<string[]> =>
  onServer(database, async client => {
    await client.query('set hnsw.ef_search = 200')
    let hits = 0
    const times: number[] = []
    const nearest = async (by: string, vector: number[]) => {
      const text = `select organization_id || item_id as id from item_vectors order by ${by} limit ${K}`
      return (await client.query<{ id: string }>(text, [vector])).rows.map(row => row.id)
    }
    for (const vector of questions) {
      const begin = performance.now()
      const found = await nearest(`embedding::${type}(1536) <=> $1::real[]::vector(1536)::${type}(1536)`, vector)
      times.push(performance.now() - begin)
      const best = await nearest('(embedding <=> $1::real[]::vector) + 0', vector)
      hits += found.filter(id => best.includes(id)).length
    }
    times.sort((a, b) => a - b)
    const [recall, p50] = [hits / (K * questions.length), times[times.length >> 1] as number]
    const cost = `${Math.round(bytes / 2 ** 20)} MB, ${seconds.toFixed(0)} s to build, ${p50.toFixed(1)} ms`
    return [`index of ${type} alone`, recall.toFixed(4), cost]
  })

/** The search's own work, asked for by bare connections: the same function, the same rows. */
const bare = async (database: string, organization: string, questions: readonly number[][]): Promise<Times> => {
  const clients = await Promise.all(
    questions.map(async () => {
      const client = new pg.Client({ connectionString: database, options: '-c jit=off' }) // as the pool's
      await client.connect()
      await client.query(`select set_config('app.organization_id', $1, false), set_config('role', 'agenthub_app', false)`, [organization])
      return client
    }),
  )
  const text = `with best as materialized (
    select item_id, cosine from nearest('documents', serving_generation('documents', 'caller', 'caller', 1536), $1::real[], ${2 * K}, null)
    order by cosine desc limit ${K}
  )
  select b.item_id, r.title, r.content, b.cosine from best b join rag_documents r on r.organization_id = $2 and r.id = b.item_id
  order by b.cosine desc`
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
    const tenants = await tenantsOf(ground, ours)
    const [large] = tenants as [Tenant]
    const full = await indexOf(database, 'vector')
    const half = await indexOf(database, 'halfvec')
    await sql('vacuum analyze')
    const questions = await questionsOf(database, large.id, QUESTIONS)
    const alone = [await indexAlone(database, half, questions), await indexAlone(database, full, questions)]

    const table: string[][] = [['', 'recall@10', 'too few']]
    const targets = []
    const recallOf = async (what: string, { id, key }: Tenant, asked: readonly Asked[]) => {
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
      const one = tenants[place] as Tenant
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
    table.push(row(`HTTP, ${CLIENTS} clients`, 'http'), row(`bare SQL, ${CLIENTS} connections`, 'sql'), ...alone)
    const ratios = rounds.map(({ http, sql: plain }) => http.p99 / plain.p99).sort((a, b) => a - b)
    targets.push(
      { what: 'p99 by HTTP / by bare SQL', value: ratios[ROUNDS >> 1] as number, most: 1.3 },
      { what: 'p99 by HTTP, ms', value: best('http', 'p99'), most: 100 },
    )
    return { table, targets }
  },
}
