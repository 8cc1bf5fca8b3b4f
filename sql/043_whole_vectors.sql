-- 043_whole_vectors: a caller's vector of a whole document is searched however many pieces the document has.
-- Needs 023_item_vectors, 025_chunks. Safe while functions serve: adds rows that are derived of others, and waits for nobody's.
-- It is kept at chunk 0, and a search counts it for the best piece that it finds of the document.

-- the one role that sees every organization's rows
set local role agenthub_jobs;

insert into item_vectors (organization_id, collection, item_id, chunk, generation, embedding, text_hash)
select d.organization_id, 'documents', d.id, 0, embedding_generation(d.organization_id, 'documents', 'caller', 'caller', 1536),
  unit_vector(d.embeddings::real[]), d.content_hash
from rag_documents d
where d.deleted_at is null and d.embeddings is not null
order by d.organization_id, d.id
on conflict do nothing;

reset role;
