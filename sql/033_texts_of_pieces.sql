-- 033_texts_of_pieces: a document whose chunks come in the same transaction is no text of its own before: its words were read twice.
-- Needs 025_chunks, 026_search. Safe while functions serve: the function is replaced under its own name and meaning.

set local role agenthub_owner;

-- What the items of a collection say, by their texts: the title belongs to each chunk. A document is one text where it is not cut up (yet) or has no content.
create or replace function item_texts(organization text, of_collection text, items text[])
returns table (item_id text, chunk int, language text, content text) language plpgsql stable as $$
begin
case of_collection
when 'knowledge' then
  return query select e.id, 0, e.language, concat_ws(E'\n', e.title, e.content, array_to_string(e.tags, ' '))
  from knowledge_entries e where e.organization_id = organization and e.id = any (items) and e.deleted_at is null;
when 'faqs' then
  return query select f.id, 0, f.language, concat_ws(E'\n', f.question, f.answer, f.category)
  from faqs f where f.organization_id = organization and f.id = any (items) and f.deleted_at is null;
when 'documents' then
  return query select d.id, coalesce(c.number, 0), d.language, concat_ws(E'\n', d.title, coalesce(c.content, left(d.content, 150000)))
  from rag_documents d left join rag_chunks c on c.organization_id = d.organization_id and c.document_id = d.id
  where d.organization_id = organization and d.id = any (items) and d.deleted_at is null and (c.number is not null or coalesce(d.chunk_count, 0) = 0);
end case;
end
$$;

reset role;
