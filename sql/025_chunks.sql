-- 025_chunks: a chunk tells what it repeats, not where it stands, so that an edit leaves the chunks behind it as they are.
-- Needs 024_documents. Safe while functions serve: no function has written documents yet.
-- Of the chunks that we cut, each but for its first `overlap` characters, in order, make the document's content again.

set local role agenthub_owner;

alter table rag_chunks drop column start_at;
alter table rag_chunks add column overlap int not null default 0 check (overlap >= 0); -- characters; 0 where the caller gave the chunk

-- Of the chunks that the caller gave, with their vectors: tells whether they are the same again. Null where we cut the document up.
alter table rag_documents drop column chunks_given;
alter table rag_documents add column chunks_hash text collate "C";

-- What was removed at a moment loses its chunks and vectors in the same transaction.
create index rag_documents_removed on rag_documents (organization_id, deleted_at) where deleted_at is not null;

-- Two who make a document wait for each other where there is no row yet to wait at.
create function document_lock(organization text, id text) returns bigint language sql immutable parallel safe
return hashtextextended(id, hashtextextended(organization, 25));

-- The same direction, of length 1; 1536 numbers stay 1536.
create function unit_vector(numbers real[]) returns real[] language sql immutable parallel safe
return (
  select array_agg((n / length)::real order by place)
  from unnest(numbers) with ordinality given (n, place), (select sqrt(sum(n::float8 * n)) as length from unnest(numbers) n) norm
);

reset role;
