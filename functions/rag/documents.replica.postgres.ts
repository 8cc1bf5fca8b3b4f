import { jsonOf } from '../../shared/db/rows.ts'
import { WIDTH } from '../../shared/embeddings/vector.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

/** The chunks that a caller gave, their vectors as doubles: so JavaScript writes numbers of 32 bits. */
const given = `(select json_agg(json_build_object('content', c.content, 'embedding', (
    select array_to_json(v.embedding::real[]::float8[]) from item_vectors v
    join embedding_generations g on g.organization_id = v.organization_id and g.collection = v.collection and g.number = v.generation
    where v.organization_id = d.organization_id and v.collection = 'documents' and v.item_id = d.id and v.chunk = c.number
      and g.provider = 'caller' and g.state <> 'retired' limit 1)) order by c.number)
  from rag_chunks c where d.chunks_hash is not null and c.organization_id = d.organization_id and c.document_id = d.id)`

const document = jsonOf(`id, organization_id, title, content, metadata, language, (embeddings::real[])[1:dimensions] as embedding,
  ${given} as chunks, extra, iso(created_at) as created_at, iso(updated_at) as updated_at`)

const entries = `jsonb_array_elements($1::jsonb) e`
const named = `(select e ->> 'organization_id', e ->> 'id' from ${entries})`
/** The chunks of entries that a caller gave: `c`, numbered. */
const chunks = `${entries} cross join lateral jsonb_array_elements(nullif(e -> 'chunks', 'null')) with ordinality as p (c, number)
where not (e ->> 'deleted')::boolean`

/** Vectors of a caller, of rows (organization_id, item, chunk, hash, vector). */
const brought = (rows: string) => `with given as materialized (${rows}), generation as materialized (
  select organization_id, embedding_generation(organization_id, 'documents', 'caller', 'caller', ${WIDTH}) as number
  from (select distinct organization_id from given order by 1) o
)
insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select organization_id, 'documents', item, chunk, number, vector, hash from given join generation using (organization_id)`

/**
 * Whole documents. What we cut up is cut up anew, and its vectors are made, by the job complete-embeddings. Of chunks that a caller gave
 * the hash is left open: the next write of the same is a write.
 */
export const documentReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${document} as json from rag_documents d`,
  restore: [
    `insert into rag_documents (organization_id, id, title, content, metadata, language, embeddings, dimensions, chunks_hash, chunk_count,
  embedding_state, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'title', e ->> 'content', e -> 'metadata', e ->> 'language',
  case when numbers is not null then numbers || array_fill(0::real, array[${WIDTH} - cardinality(numbers)]) end, cardinality(numbers),
  case when given then '' end, case when given then jsonb_array_length(e -> 'chunks') end, 'pending',
  nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from ${entries}, lateral (
  select case when jsonb_typeof(e -> 'embedding') = 'array' then array(select x::real from jsonb_array_elements_text(e -> 'embedding') x) end as numbers,
    jsonb_typeof(e -> 'chunks') = 'array' as given
) r
on conflict (organization_id, id) do update
set title = excluded.title, content = excluded.content, metadata = excluded.metadata, language = excluded.language,
  embeddings = excluded.embeddings, dimensions = excluded.dimensions, chunks_hash = excluded.chunks_hash,
  chunk_count = excluded.chunk_count, embedding_state = 'pending', extra = excluded.extra, version = nextval('row_version'),
  created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
    `delete from rag_chunks where (organization_id, document_id) in ${named}`,
    `delete from item_vectors where collection = 'documents' and (organization_id, item_id) in ${named}`,
    `insert into rag_chunks (organization_id, document_id, number, content)
select e ->> 'organization_id', e ->> 'id', number, c ->> 'content' from ${chunks}`,
    brought(`select e ->> 'organization_id' as organization_id, e ->> 'id' as item, number as chunk, text_hash(c ->> 'content') as hash,
    array(select x::real from jsonb_array_elements_text(c -> 'embedding') x) as vector
  from ${chunks} and jsonb_typeof(c -> 'embedding') = 'array'
  union all
  select d.organization_id, d.id, 0, d.content_hash, unit_vector(d.embeddings::real[])
  from rag_documents d where (d.organization_id, d.id) in ${named} and d.deleted_at is null and d.embeddings is not null`),
  ],
}
