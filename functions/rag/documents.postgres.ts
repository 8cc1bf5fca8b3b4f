import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, NEWEST, oneRow, orLeft, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { literalOf, WIDTH } from '../../shared/embeddings/vector.ts'
import { stringify } from '../../shared/json.ts'
import type { Document, Mode } from './documents.schema.ts'
import type { DocumentChange, DocumentStore } from './documents.store.ts'
import { matchingStatement, removeStatement } from './documents.where.postgres.ts'
import { lockRows, pieceStatements, removedPieces, sentPieces } from './pieces.postgres.ts'

const json = jsonOf(`id, organization_id, title, content, metadata, language, (embeddings::real[])[1:dimensions] as embedding, ${stamps}`)

const get = `select id, version, ${json} from rag_documents
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, iso(created_at), id from rag_documents
where organization_id = $1 and deleted_at is null and (created_at, id) < ($3::timestamptz, $4)
order by created_at desc, id desc
limit $2::int + 1`

/** What a statement does where the document is there already, or is not. */
type How = Mode | 'update'

/** Writers of a document follow one another, so that each sees what the one before left: by its row, or where there is none yet, by its id. */
const lock = `select pg_advisory_xact_lock(document_lock($1, id))
from (select e ->> 'id' as id from jsonb_array_elements($2::jsonb) e order by 1) given`

/**
 * Of the documents in $2 those that are another by now; a field that is not there stays. $3: what is done (How), $4: the moment, $5: the
 * version asked for, $6: where they stand in the request. Answers id, version, JSON and whether it was made, in order.
 */
const write = `with given as materialized (
  select n, e ->> 'id' as id, e from jsonb_array_elements($2::jsonb) with ordinality g (e, n)
), present as materialized (
  select d.* from rag_documents d where organization_id = $1 and id = any (array(select id from given)) and deleted_at is null
), next as materialized (
  select g.n, g.id, g.e, p.id is not null as alive, p as was,
    case when e ? 'title' then e ->> 'title' else p.title end as title,
    case when e ? 'content' then e ->> 'content' else p.content end as content,
    case when e ? 'metadata' then e -> 'metadata' else p.metadata end as metadata,
    case when e ? 'language' then e ->> 'language' else p.language end as language,
    case when e ? 'embedding' then (e ->> 'embedding')::real[] when e ->> 'content' <> p.content then null else p.embeddings::real[] end as embeddings,
    case when e ? 'embedding' then (e ->> 'dimensions')::int when e ->> 'content' <> p.content then null else p.dimensions end as dimensions,
    case when e ? 'pieces' then e ->> 'hash' else p.chunks_hash end as chunks_hash,
    case
      when $5::bigint is null or p.version = $5::bigint or p.id is null and $3 = 'update' then null
      when p.id is null then refuse('AH412', format('there is no document %s any more', g.id), '')
      else refuse('AH412', format('the record is at version %s by now', p.version), '')
    end as refused
  from given g left join present p on p.id = g.id
), differing as materialized (
  select n.*, not alive or e ? 'pieces' and (content <> (was).content or chunks_hash is distinct from (was).chunks_hash) as anew
  from next n
  where refused is null and case when not alive then $3 <> 'update'
    else $3 <> 'error' and (title, content, metadata, language, dimensions, chunks_hash, embeddings)
      is distinct from ((was).title, (was).content, (was).metadata, (was).language, (was).dimensions, (was).chunks_hash, (was).embeddings::real[]) end
), made as (
  insert into rag_documents (organization_id, id, title, content, metadata, language, embeddings, dimensions, chunks_hash,
    chunk_count, embedding_state, version, created_at, updated_at)
  select $1, id, title, content, metadata, language, embeddings, dimensions, chunks_hash,
    case when anew then jsonb_array_length(e -> 'pieces') else (was).chunk_count end,
    case when anew then e ->> 'state' else (was).embedding_state end, nextval('row_version'), $4::timestamptz, $4::timestamptz
  from differing
  order by id
  on conflict (organization_id, id) do update
  set title = excluded.title, content = excluded.content, metadata = excluded.metadata, language = excluded.language,
    embeddings = excluded.embeddings, dimensions = excluded.dimensions, chunks_hash = excluded.chunks_hash,
    chunk_count = excluded.chunk_count, embedding_state = excluded.embedding_state, version = nextval('row_version'),
    extra = case when rag_documents.deleted_at is null then rag_documents.extra end,
    created_at = case when rag_documents.deleted_at is null then rag_documents.created_at else excluded.created_at end,
    updated_at = excluded.updated_at, deleted_at = null
  where $3 <> 'error' or rag_documents.deleted_at is not null
  returning *
), answer as (
  select id, version, ${json} as json from made
  union all
  select id, version, ${json} from present where $3 <> 'error' and id not in (select id from made)
)
select coalesce(a.id, refuse('AH411', format('document %s exists already', n.id), case when $6 = '' then '' else format('%s/%s/id', $6, n.n - 1) end)),
  a.version, a.json, not n.alive
from next n left join answer a on a.id = n.id
where a.id is not null or $3 <> 'update'
order by n.n`

const remove = orLeft(
  'rag_documents',
  `update rag_documents
set deleted_at = $4, updated_at = $4, chunks_hash = null, chunk_count = null, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

/** A document as the statements read it: a field that is undefined is not there. */
const asSent = (id: string, { embedding, pieces, ...fields }: DocumentChange) => ({
  id,
  ...fields,
  ...(embedding === undefined ? {} : { embedding: embedding && padded(embedding), dimensions: embedding?.length ?? null }),
  ...(pieces && sentPieces(pieces)),
})

const padded = (numbers: readonly number[]): string => literalOf([...numbers, ...Array(WIDTH - numbers.length).fill(0)])

/** Documents in Postgres: a document, its chunks and the vectors that are known of them change in one round trip. */
export const postgresDocuments = (db: Database): DocumentStore => {
  type Asked = { how: How; at: string; ifMatch?: string | undefined; path?: string }
  const written = async (
    scope: Scope,
    documents: readonly ({ id: string } & DocumentChange)[],
    { how, at, ifMatch, path = '' }: Asked,
  ): Promise<Columns[]> => {
    const { organization_id } = scope
    const sent = stringify(documents.map(({ id, ...change }) => asSent(id, change)))
    const results = await db.writeAll(
      scope,
      { name: 'documents.lock', text: lock, values: [organization_id, sent] },
      lockRows(organization_id, sent),
      { name: 'documents.write', text: write, values: [organization_id, sent, how, at, ifMatch ?? null, path] },
      ...pieceStatements(organization_id, sent, documents),
    )
    return results[2] as Columns[]
  }

  return {
    get: async (scope, id) =>
      oneRow<Document>(await db.read(scope, { name: 'documents.get', text: get, values: [scope.organization_id, id] })),
    list: async (scope, slice) => {
      const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST)]
      return toPage<Document>(await db.read(scope, { name: 'documents.list', text: list, values, planned: 'once' }), slice)
    },
    matching: async (scope, where) => (await db.read(scope, matchingStatement(scope.organization_id, where))).map(([id]) => id as string),
    create: async (scope, documents, how, at, path) =>
      (await written(scope, documents, { how, at, path })).map(row => toRow<Document>(row)),
    put: async (scope, document, at, ifMatch) => {
      const [row] = (await written(scope, [document], { how: 'replace', at, ifMatch })) as [Columns]
      return { row: toRow<Document>(row), created: row[3] === 't' }
    },
    update: async (scope, id, change, at, ifMatch) =>
      oneRow<Document>(await written(scope, [{ id, ...change }], { how: 'update', at, ifMatch })),
    remove: async (scope, id, at, ifMatch) => {
      const { organization_id } = scope
      const [rows] = await db.writeAll(
        scope,
        { name: 'documents.remove', text: remove, values: [organization_id, id, ifMatch ?? null, at] },
        ...removedPieces(organization_id, at),
      )
      return changedRow<Document>(rows as Columns[])
    },
    removeWhere: async (scope, where, at, among) => {
      const { organization_id } = scope
      const removal = removeStatement(organization_id, where, at, among)
      const [rows] = await db.writeAll(scope, removal, ...removedPieces(organization_id, at))
      return Number(rows?.[0]?.[0])
    },
  }
}
