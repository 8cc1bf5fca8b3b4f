-- 033_search_cost: a search plans no list of thousands of items, and fetches fewer vectors; a document's words are read once.
-- Needs 025_chunks, 026_search, 028_nearest. Safe while functions serve: functions are replaced under their own names and meanings.

set local role agenthub_owner;

do $$
begin
if not searches_vectors() then
  return;
end if;
perform '[1]'::vector; -- loads the library: before, nobody but a superuser may name its settings

-- The vectors of a generation, of all its items or of those named: looked up where they are few, else met by a hash.
create function vectors_among(of_collection text, of_generation bigint, among text[]) returns setof item_vectors language sql stable as $sql$
select v.* from item_vectors v
where among is null and v.organization_id = scope_organization() and v.collection = of_collection and v.generation = of_generation
union all
select v.* from unnest(among) a (item_id) join item_vectors v on v.item_id = a.item_id
where among is not null and v.organization_id = scope_organization() and v.collection = of_collection and v.generation = of_generation
$sql$;

-- Every vector looked at: of few, the fastest way; of many, the sure one.
create or replace function nearest_exact(of_collection text, of_generation bigint, asked vector, most int, among text[])
returns table (item_id text, chunk int, cosine float8) language sql stable as $sql$
select item_id, chunk, 1 - distance from (
  select v.item_id, v.chunk, v.embedding <=> asked as distance from vectors_among(of_collection, of_generation, among) v offset 0
) every
order by distance limit most
$sql$;

-- Along the index of all organizations (HNSW: Malkov and Yashunin 2016), on and on until enough of the vectors found are of this
-- organization and among those asked for, by pgvector's iterative scan. Half as many again as asked for are ranked by all the digits.
create or replace function nearest_indexed(of_collection text, of_generation bigint, asked vector, most int, among text[])
returns table (item_id text, chunk int, cosine float8) language plpgsql stable
set hnsw.iterative_scan = 'relaxed_order' set hnsw.ef_search = 200 set hnsw.max_scan_tuples = 40000 set hnsw.scan_mem_multiplier = 2
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off set plan_cache_mode = force_custom_plan as $sql$
declare
organization text := scope_organization();
begin
return query
with found as materialized (
  select v.item_id, v.chunk, v.embedding from item_vectors v
  where v.organization_id = organization and v.collection = of_collection and v.generation = of_generation
    and (among is null or v.item_id in (select unnest(among)))
  order by v.embedding::halfvec(1536) <=> asked::halfvec(1536) limit most + most / 2
)
select f.item_id, f.chunk, 1 - (f.embedding <=> asked) from found f
order by (f.embedding <=> asked) + 0 limit most;
end
$sql$;

-- The `most` nearest vectors of a generation, or as many as there are. Items not `among` those named do not count; their names stand in no
-- condition, of which each would be estimated, and in a hash however many they are.
create or replace function nearest(of_collection text, of_generation bigint, question real[], most int, among text[])
returns table (item_id text, chunk int, cosine float8) language plpgsql stable
set plan_cache_mode = force_custom_plan set hash_mem_multiplier = 1000 as $sql$
#variable_conflict use_column
declare
few constant int := 4000; -- of so many every one is looked at
asked vector(1536) := question;
vectors int;
items text[];
chunks int[];
cosines float8[];
begin
select count(*) into vectors from (select from vectors_among(of_collection, of_generation, among) limit few + 1) v;
if vectors > few then
  select array_agg(n.item_id), array_agg(n.chunk), array_agg(n.cosine) into items, chunks, cosines
  from nearest_indexed(of_collection, of_generation, asked, most, among) n;
end if;
if cardinality(items) = most then
  return query select * from unnest(items, chunks, cosines);
else
  return query select * from nearest_exact(of_collection, of_generation, asked, most, among);
end if;
end
$sql$;
end
$$;

-- What the items of a collection say, by their texts: the title belongs to each chunk. A document is one text where it is not cut up (yet)
-- or has no content; one whose chunks come in the same transaction was read as a whole first, for nothing.
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
