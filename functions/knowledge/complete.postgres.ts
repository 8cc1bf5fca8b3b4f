import type { Statement } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { literalOf } from '../../shared/embeddings/vector.ts'
import type { CompletionStore, Generation, Lack, Searched } from './complete.store.ts'

/** Where a collection's items (`i`) are, the texts of one (`p`) that lack a vector, how many items make a page, and what is embedded. */
type Source = { table: string; ready: string; texts: string; page: number; textOf: (a: string, b: string) => string }

const lacks = (chunk: string) => `not exists (
    select from item_vectors v
    where v.organization_id = $1 and v.collection = $2 and v.item_id = p.id and v.chunk = ${chunk} and v.generation = $3::bigint)`

const sources: Record<Searched, Source> = {
  knowledge: {
    table: 'knowledge_entries',
    ready: 'true',
    texts: `select 0 as chunk, p.title as a, p.content as b where ${lacks('0')}`,
    page: 64,
    textOf: (title, content) => embeddedText.knowledge({ title, content }),
  },
  documents: {
    table: 'rag_documents',
    ready: 'i.chunk_count is not null',
    texts: `select c.number as chunk, c.content as a, '' as b from rag_chunks c
  where c.organization_id = $1 and c.document_id = p.id and ${lacks('c.number')}`,
    page: 16,
    textOf: content => embeddedText.documents({ content }),
  },
  faqs: {
    table: 'faqs',
    ready: 'true',
    texts: `select 0 as chunk, p.question as a, p.answer as b where ${lacks('0')}`,
    page: 64,
    textOf: (question, answer) => embeddedText.faqs({ question, answer }),
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

const page = ({ table, ready, texts, page: size }: Source) => `select p.id, p.version, t.chunk, t.a, t.b
from (
  select * from ${table} i
  where organization_id = $1 and deleted_at is null and id > $4 and ${ready} and (${WAITS} or $5::boolean and ${elsewhere('i.id')})
  order by id limit ${size}
) p left join lateral (
  ${texts}
) t on true
order by p.id, t.chunk`

/** Only of items that are as they were read: their rows are locked, so that they stay so. The state is no part of a record's version. */
const write = ({ table }: Source) => `with item as materialized (
  select i.id, g.failed from ${table} i join jsonb_to_recordset($4::jsonb) g (id text, version bigint, failed boolean) on g.id = i.id
  where i.organization_id = $1 and i.deleted_at is null and i.version = g.version
  order by i.id for update of i
), made as (
  insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
  select $1, $2, v.item, v.chunk, $3::bigint, v.vector::real[], v.hash
  from jsonb_to_recordset($5::jsonb) v (item text, chunk int, hash text, vector text) join item on item.id = v.item
  order by v.item, v.chunk
  on conflict (organization_id, collection, item_id, chunk, generation) do nothing
), told as (
  update ${table} i set embedding_state = case when item.failed then 'failed' else 'done' end
  from item where i.organization_id = $1 and i.id = item.id and i.embedding_state <> case when item.failed then 'failed' else 'done' end
)
select count(*) from item where not failed`

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
      const source = sources[of.collection]
      const rows = await db.read(scope, statement('page', of.collection, page(source), ...about(scope, of), after, of.rebuilt))
      const items = new Map(rows.map(([id, version]) => [id as string, { id: id as string, version: version as string }]))
      const lacks = rows.flatMap(([item, version, chunk, a, b]): Lack[] =>
        chunk === null
          ? []
          : [{ item: item as string, version: version as string, chunk: Number(chunk), text: source.textOf(a as string, b as string) }],
      )
      return { items: [...items.values()], lacks }
    },
    write: async (scope, of, { items }, made, failed) => {
      const states = JSON.stringify(items.map(item => ({ ...item, failed: failed.includes(item.id) })))
      const vectors = JSON.stringify(made.map(one => ({ ...one, vector: literalOf(one.vector) })))
      const [row] = await db.write(
        scope,
        statement('write', of.collection, write(sources[of.collection]), ...about(scope, of), states, vectors),
      )
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
