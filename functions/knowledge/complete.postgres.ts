import type { Columns, Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { embeddedSql } from '../../shared/embeddings/texts.ts'
import { literalOf } from '../../shared/embeddings/vector.ts'
import type { CompletionStore, Generation, Lack, Page, Place, Searched } from './complete.store.ts'

/** Where a collection's items (`i`) are, the texts of one (`p`) that lack a vector, and how many items make a page. */
type Source = { table: string; ready: string; texts: string; page: number }

const lacks = (chunk: string) => `not exists (
    select from item_vectors v
    where v.organization_id = $1 and v.collection = $2 and v.item_id = p.id and v.chunk = ${chunk} and v.generation = $3::bigint)`

const sources: Record<Searched, Source> = {
  knowledge: {
    table: 'knowledge_entries',
    ready: 'true',
    texts: `select 0 as chunk, ${embeddedSql.knowledge('p.')} as text where ${lacks('0')}`,
    page: 64,
  },
  documents: {
    table: 'rag_documents',
    ready: 'i.chunk_count is not null',
    texts: `select c.number as chunk, ${embeddedSql.documents('c.')} as text from rag_chunks c
  where c.organization_id = $1 and c.document_id = p.id and ${lacks('c.number')}`,
    page: 16,
  },
  faqs: {
    table: 'faqs',
    ready: 'true',
    texts: `select 0 as chunk, ${embeddedSql.faqs('p.')} as text where ${lacks('0')}`,
    page: 64,
  },
}

const WAITS = "i.embedding_state in ('pending', 'failed')"
/** Generations that models have made: those of vectors that callers bring are no model's. */
const MODELS = "provider <> 'caller'"

const due = ({ table, ready }: Source) => `select organization_id from ${table} i
where deleted_at is null and ${WAITS} and ${ready} group by organization_id
union
select organization_id from embedding_generations
where collection = $1 and ${MODELS} and (state <> 'serving' or (provider, model, dimensions) <> ($2, $3, $4::int))
order by 1`

const generation = `select number, exists (
  select from embedding_generations o
  where organization_id = $1 and collection = $2 and ${MODELS} and state <> 'retired' and o.number <> made.number
)
from (select embedding_generation($1, $2, $3, $4, $5::int) as number offset 0) made`

/** Vectors of an item (`item_id = i.id`) that another model has made. */
const elsewhere = (item: string) => `exists (
    select from item_vectors v join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    where v.organization_id = $1 and v.collection = $2 and v.item_id = ${item} and v.generation <> $3::bigint and g.${MODELS} and g.state <> 'retired')`

/** Texts of a page: their vectors are written by one statement. A document may have more. */
const TEXTS = 256

const page = ({ table, ready, texts, page: size }: Source) => `select p.id, p.version, t.chunk, t.text
from (
  select * from ${table} i
  where organization_id = $1 and deleted_at is null and id >= $4 and ${ready} and (${WAITS} or $6::boolean and ${elsewhere('i.id')})
  order by id limit ${size}
) p left join lateral (
  ${texts}
) t on true
where (p.id, coalesce(t.chunk, -1)) > ($4, $5::int)
order by p.id, t.chunk
limit ${TEXTS} + 1`

/** Only of items that are as they were read: their rows are locked, so that they stay so. The state is no part of a record's version. */
const write = ({ table }: Source) => `with item as materialized (
  select i.id, g.state from ${table} i join jsonb_to_recordset($4::jsonb) g (id text, version bigint, state text) on g.id = i.id
  where i.organization_id = $1 and i.deleted_at is null and i.version = g.version
  order by i.id for update of i
), made as (
  insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
  select $1, $2, v.item, v.chunk, $3::bigint, v.vector::real[], v.hash
  from jsonb_to_recordset($5::jsonb) v (item text, chunk int, hash text, vector text) join item on item.id = v.item
  order by v.item, v.chunk
  on conflict (organization_id, collection, item_id, chunk, generation) do nothing
), told as (
  update ${table} i set embedding_state = item.state from item
  where i.organization_id = $1 and i.id = item.id and i.embedding_state <> item.state -- null: more of it follows
)
select count(*) from item where state = 'done'`

const lock: Pick<Statement, 'name' | 'text'> = {
  name: 'vectors.lock',
  text: 'select pg_advisory_xact_lock(generation_lock($1, $2))',
}

/** Retires the others, unless an item has vectors there and not here; items that failed have said why. */
const retire = ({ table }: Source) => `update embedding_generations g
set state = 'retired', version = nextval('row_version'), updated_at = now()
where organization_id = $1 and collection = $2 and ${MODELS} and state <> 'retired' and number <> $3::bigint and not exists (
  select from item_vectors v join embedding_generations o on o.organization_id = v.organization_id and o.collection = v.collection and o.number = v.generation
    join ${table} i on i.organization_id = v.organization_id and i.id = v.item_id and i.deleted_at is null and i.embedding_state <> 'failed'
  where v.organization_id = $1 and v.collection = $2 and v.generation <> $3::bigint and o.${MODELS} and o.state <> 'retired' and not exists (
    select from item_vectors n where n.organization_id = $1 and n.collection = $2 and n.item_id = v.item_id and n.chunk = v.chunk and n.generation = $3::bigint))`

const serve = `update embedding_generations g
set state = 'serving', version = nextval('row_version'), updated_at = now()
where organization_id = $1 and collection = $2 and number = $3::bigint and state = 'building' and not exists (
  select from embedding_generations where organization_id = $1 and collection = $2 and ${MODELS} and state = 'serving')`

const served = `select not exists (
  select from embedding_generations
  where organization_id = $1 and collection = $2 and ${MODELS} and state <> 'retired' and number <> $3::bigint)`

const STEP = 5000

/** A retired generation goes with the last of its vectors. */
const clear = `with retired as materialized (
  select id, number from embedding_generations where organization_id = $1 and collection = $2 and state = 'retired'
), gone as (
  delete from item_vectors v using (
    select item_id, chunk, generation from item_vectors
    where organization_id = $1 and collection = $2 and generation in (select number from retired) limit ${STEP}
  ) few
  where v.organization_id = $1 and v.collection = $2 and v.item_id = few.item_id and v.chunk = few.chunk and v.generation = few.generation
  returning 1
), removed as (
  delete from embedding_generations g using retired
  where g.organization_id = $1 and g.id = retired.id and (select count(*) from gone) = 0
)
select count(*) from gone`

/** Completions in Postgres. */
export const postgresCompletions = (db: Database): CompletionStore => {
  const statement = (name: string, collection: Searched, text: string, ...values: Statement['values']): Statement => ({
    name: `vectors.${name}_${collection}`,
    text,
    values,
  })
  const about = ({ organization_id }: Scope, { collection, number }: Generation) => [organization_id, collection, number]

  return {
    due: async (scope, collection, { provider, model, dimensions }) => {
      const rows = await db.read(scope, statement('due', collection, due(sources[collection]), collection, provider, model, dimensions))
      return rows.map(([organization]) => organization as string)
    },
    generation: async (scope, collection, { provider, model, dimensions }) => {
      const values = [scope.organization_id, collection, provider, model, dimensions]
      const [row] = await db.write(scope, { name: 'vectors.generation', text: generation, values })
      return { collection, number: row?.[0] as string, rebuilt: row?.[1] === 't' }
    },
    page: async (scope, of, after) => {
      const { collection, rebuilt } = of
      const values = [...about(scope, of), after.item, after.chunk, rebuilt]
      const rows = await db.read(scope, statement('page', collection, page(sources[collection]), ...values))
      return pageOf(rows, after)
    },
    write: async (scope, of, { items }, made, failed) => {
      const stateOf = ({ id, last }: { id: string; last: boolean }) => (last ? (failed.has(id) ? 'failed' : 'done') : null)
      const states = JSON.stringify(items.map(item => ({ id: item.id, version: item.version, state: stateOf(item) })))
      const vectors = JSON.stringify(made.map(one => ({ ...one, vector: literalOf(one.vector) })))
      const values = [...about(scope, of), states, vectors]
      const [row] = await db.write(scope, statement('write', of.collection, write(sources[of.collection]), ...values))
      return Number(row?.[0])
    },
    serve: async (scope, of) => {
      const values = about(scope, of)
      const [row] = await db.write(
        scope,
        { ...lock, values: values.slice(0, 2) },
        statement('retire', of.collection, retire(sources[of.collection]), ...values),
        { name: 'vectors.serve', text: serve, values },
        { name: 'vectors.served', text: served, values },
      )
      return row?.[0] === 't'
    },
    clear: async (scope, collection) => {
      const [row] = await db.write(scope, { name: 'vectors.clear', text: clear, values: [scope.organization_id, collection] })
      return Number(row?.[0])
    },
  }
}

const pageOf = (rows: readonly Columns[], after: Place): Page => {
  const here = rows.slice(0, TEXTS)
  const following = rows[TEXTS]?.[0]
  const items = new Map(here.map(([id, version]) => [id, { id: id as string, version: version as string, last: id !== following }]))
  const lacks = here.flatMap(([item, , chunk, text]): Lack[] =>
    chunk === null ? [] : [{ item: item as string, chunk: Number(chunk), text: text as string }],
  )
  const end = here.at(-1)
  return { items: [...items.values()], lacks, next: end ? { item: end[0] as string, chunk: Number(end[2] ?? -1) } : after }
}
