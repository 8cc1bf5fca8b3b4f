import type { Statement } from '../../shared/db/batch.ts'
import { hashOf } from '../../shared/embeddings/key.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { CALLER, literalOf, WIDTH } from '../../shared/embeddings/vector.ts'
import type { Pieces } from './documents.store.ts'

/**
 * The documents in $2 that are there; with a `version` only at that one. Their rows are locked. (Ids stand apart first: row-level security
 * lets no index be entered by what might leak, and `->>` might.)
 */
const target = `named as materialized (
  select e ->> 'id' as id, (e ->> 'version')::bigint as version, e from jsonb_array_elements($2::jsonb) e
), target as materialized (
  select d.id, n.e from named n join rag_documents d on d.organization_id = $1 and d.id = n.id and d.deleted_at is null
    and d.version = coalesce(n.version, d.version)
)`

const locked = `select from rag_documents
where organization_id = $1 and id = any (array(select e ->> 'id' from jsonb_array_elements($2::jsonb) e))
order by id for no key update`

/** The first statement of a transaction that writes documents: who else writes their chunks or vectors waits, or has been waited for. */
export const lockRows = (organization: string, sent: string): Statement => ({
  name: 'documents.lock_rows',
  text: locked,
  values: [organization, sent],
})

/** Pieces as the statements read them. */
export const sentPieces = ({ hash, state, list }: Pieces) => ({
  hash,
  state,
  pieces: list.map(({ content, overlap }) => ({ content, overlap })),
})

/** Only what differs is written. */
const chunks = `with ${target}, gone as (
  delete from rag_chunks c using target t
  where c.organization_id = $1 and c.document_id = t.id and t.e ? 'pieces' and c.number > jsonb_array_length(t.e -> 'pieces')
)
insert into rag_chunks (organization_id, document_id, number, content, overlap)
select $1, t.id, p.number, p.e ->> 'content', (p.e ->> 'overlap')::int
from target t cross join lateral jsonb_array_elements(t.e -> 'pieces') with ordinality p (e, number)
where not exists (
  select from rag_chunks c
  where c.organization_id = $1 and c.document_id = t.id and c.number = p.number
    and c.content = p.e ->> 'content' and c.overlap = (p.e ->> 'overlap')::int)
on conflict (organization_id, document_id, number) do update
set content = excluded.content, overlap = excluded.overlap`

/** Vectors of other texts than the chunks have now, and those that the caller gave no more ($3: those that are given; at chunk 0: the document's). */
const stale = `with ${target}, given as materialized (
  select item, chunk from jsonb_to_recordset($3::jsonb) v (item text, chunk int, provider text) where provider = 'caller'
)
delete from item_vectors v using target t, rag_documents d, embedding_generations g
where v.organization_id = $1 and v.collection = 'documents' and v.item_id = t.id
  and d.organization_id = $1 and d.id = t.id
  and g.organization_id = $1 and g.collection = 'documents' and g.number = v.generation
  and case when v.chunk = 0 then d.embeddings is null
    when g.provider = 'caller' then t.e ? 'count' and (v.item_id, v.chunk) not in (select item, chunk from given)
    else not exists (
      select from rag_chunks c
      where c.organization_id = $1 and c.document_id = v.item_id and c.number = v.chunk and c.content_hash = v.text_hash) end`

/** A vector that is there already, of the same text, is left alone. That of the whole document, which a caller brought, is at chunk 0. */
const known = `with ${target}, given as materialized (
  select v.item, v.chunk, v.provider, v.model, v.dimensions, v.hash, v.vector::real[] as vector
  from jsonb_to_recordset($3::jsonb) v (item text, chunk int, provider text, model text, dimensions int, hash text, vector text)
  join target t on t.id = v.item
  union all
  select d.id, 0, 'caller', 'caller', ${WIDTH}, d.content_hash, unit_vector(d.embeddings::real[])
  from target t join rag_documents d on d.organization_id = $1 and d.id = t.id where d.embeddings is not null
), generation as materialized (
  select provider, model, dimensions, embedding_generation($1, 'documents', provider, model, dimensions) as number
  from (select distinct provider, model, dimensions from given order by 1, 2, 3) made
)
insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select $1, 'documents', v.item, v.chunk, g.number, v.vector, v.hash
from given v join generation g using (provider, model, dimensions)
where not exists (
  select from item_vectors i
  where i.organization_id = $1 and i.collection = 'documents' and i.item_id = v.item and i.chunk = v.chunk and i.generation = g.number
    and i.text_hash = v.hash and (v.provider <> 'caller' or i.embedding::real[] = v.vector))
order by v.item, v.chunk
on conflict (organization_id, collection, item_id, chunk, generation) do update
set embedding = excluded.embedding, text_hash = excluded.text_hash`

/** What is known of the chunks: no part of the record, whose version stays. A state that says more than the one now does is left. */
const told = `with ${target}
update rag_documents d
set chunk_count = (t.e ->> 'count')::int,
  embedding_state = case when d.chunk_count is null or t.e ->> 'state' = 'done' then t.e ->> 'state' else d.embedding_state end
from target t
where d.organization_id = $1 and d.id = t.id and t.e ? 'count'
  and (d.chunk_count is null or t.e ->> 'state' = 'done' and d.embedding_state in ('pending', 'failed'))`

/** The vectors of a document's pieces that are known: the model's and the caller's. */
const vectorsOf = (item: string, { list, given, model }: Pieces): object[] =>
  list.flatMap((piece, i) => {
    const place = { item, chunk: i + 1, hash: hashOf(embeddedText.documents(piece)) }
    const brought = given?.[i]?.embedding
    return [
      ...(model && piece.vector ? [{ ...place, ...model, vector: literalOf(piece.vector) }] : []),
      ...(brought ? [{ ...place, ...CALLER, vector: literalOf(brought) }] : []),
    ]
  })

/**
 * Makes chunks and vectors of documents what their rows say, in the transaction that wrote and locked those. `sent` is the JSON of the
 * documents with `pieces: [{ content, overlap }]`; the chunks of one without stay. With a `version` only where the row is at that.
 */
export const pieceStatements = (
  organization: string,
  sent: string,
  documents: readonly { id: string; version?: string; pieces?: Pieces | undefined }[],
): Statement[] => {
  const about = JSON.stringify(
    documents.map(({ id, version, pieces }) => ({ id, version, count: pieces?.list.length, state: pieces?.state })),
  )
  const vectors = JSON.stringify(documents.flatMap(({ id, pieces }) => (pieces ? vectorsOf(id, pieces) : [])))
  return [
    { name: 'documents.chunks', text: chunks, values: [organization, sent] },
    { name: 'documents.told', text: told, values: [organization, about] },
    { name: 'documents.stale_vectors', text: stale, values: [organization, about, vectors] },
    { name: 'documents.known_vectors', text: known, values: [organization, about, vectors] },
  ]
}

const removed = `d.organization_id = $1 and d.deleted_at = $2::timestamptz`

/** The chunks and vectors of the documents that were removed at a moment, in the transaction that removed them. */
export const removedPieces = (organization: string, at: string): Statement[] => [
  {
    name: 'documents.remove_chunks',
    text: `delete from rag_chunks c using rag_documents d
where ${removed} and c.organization_id = $1 and c.document_id = d.id`,
    values: [organization, at],
  },
  {
    name: 'documents.remove_vectors',
    text: `delete from item_vectors v using rag_documents d
where ${removed} and v.organization_id = $1 and v.collection = 'documents' and v.item_id = d.id`,
    values: [organization, at],
  },
]
