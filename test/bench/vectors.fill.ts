import type { Child } from '../support/children.ts'
import { onServer } from '../support/global.ts'
import type { Ground } from './ground.ts'

export const CHUNKS = Number(process.env.BENCH_CHUNKS ?? 100_000)
export const ORGANIZATIONS = 50
const STEP = 2000
/** Of the largest organization's chunks, so many match: a filter of its metadata. */
export const SHARES = { half: 2, tenth: 10, hundredth: 100, thousandth: 1000 } as const

export type Tenant = { id: string; key: string }

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
export const sizes = (): number[] => {
  const weights = Array.from({ length: ORGANIZATIONS }, (_, i) => (i === 0 ? 49 : 1 / i))
  const total = weights.slice(1).reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight, i) => Math.round(i === 0 ? CHUNKS / 2 : ((CHUNKS / 2) * weight) / total))
}

const fill = async ({ sql }: Ground, tenants: readonly Tenant[]): Promise<void> => {
  await sql('drop index item_vectors_nearest')
  await sql(THEMES)
  for (const [i, size] of sizes().entries())
    for (let first = 1; first <= size; first += STEP) {
      const part = [tenants[i]?.id, first, Math.min(size, first + STEP - 1)]
      await sql(insertDocuments, part)
      await sql(insertVectors, part)
    }
}

/** The organizations with their chunks: those that a run before this one kept, else new ones. */
export const tenantsOf = async (ground: Ground, ours: Child): Promise<Tenant[]> => {
  const { database, sql } = ground
  const kept = `bench_tenants_${CHUNKS}`
  await sql(`create table if not exists ${kept} (place int primary key, id text not null, key text not null)`)
  const tenants = await onServer(database, async c => (await c.query<Tenant>(`select id, key from ${kept} order by place`)).rows)
  if (tenants.length > 0) return tenants
  for (let i = 0; i < ORGANIZATIONS; i++) tenants.push(await ground.organization(ours, `org${i}`))
  await fill(ground, tenants)
  await sql(`insert into ${kept} select place, id, key from jsonb_to_recordset($1::jsonb) t (place int, id text, key text)`, [
    JSON.stringify(tenants.map((tenant, place) => ({ place, ...tenant }))),
  ])
  return tenants
}

export type Index = { type: 'vector' | 'halfvec'; seconds: number; bytes: number }

/** The index of one precision, how long (s) it took to build, and its size. */
export const indexOf = (database: string, type: Index['type']): Promise<Index> =>
  onServer(database, async client => {
    const name = `item_vectors_${type}`
    if ((await client.query('select to_regclass($1) as there', [name])).rows[0].there === null) {
      const begin = performance.now()
      await client.query("set maintenance_work_mem = '1500MB'")
      await client.query(`create index ${name} on item_vectors using hnsw ((embedding::${type}(1536)) ${type}_cosine_ops)`)
      await client.query(`comment on index ${name} is '${(performance.now() - begin) / 1000}'`)
    }
    const { rows } = await client.query<{ seconds: number; bytes: number }>(
      `select obj_description('${name}'::regclass)::float8 as seconds, pg_relation_size('${name}')::float8 as bytes`,
    )
    return { type, ...(rows[0] as { seconds: number; bytes: number }) }
  })
