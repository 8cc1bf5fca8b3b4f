-- 028_nearest: which vectors are nearest to a question's; and what else a search needs: filters by metadata, highlights.
-- Needs 023_item_vectors, 024_documents, 027_ranking. Safe while functions serve: rewrites item_vectors, which no search has read yet, and adds an index and functions.
-- Without pgvector nothing is near, and `searches_vectors` says so.

set local role agenthub_owner;

create function searches_vectors() returns boolean language sql stable parallel safe
return to_regtype('vector') is not null;

-- The number of the generation that a question's vector may be compared with; null where none serves.
create function serving_generation(of_collection text, of_provider text, of_model text, of_dimensions int) returns bigint language sql stable
return (select number from embedding_generations where organization_id = scope_organization() and collection = of_collection
  and provider = of_provider and model = of_model and dimensions = of_dimensions and state = 'serving');

do $$
begin
if not searches_vectors() then
  create function nearest(of_collection text, of_generation bigint, question real[], most int, among text[])
  returns table (item_id text, chunk int, cosine float8) language sql stable as 'select null::text, null::int, null::float8 limit 0';
  create function cosines(of_collection text, of_generation bigint, question real[], items text[], chunks int[])
  returns table (item_id text, chunk int, cosine float8) language sql stable as 'select null::text, null::int, null::float8 limit 0';
  return;
end if;

-- In the row and not beside it: the exact way reads them one by one. The index is of half precision, half as large; what it finds is
-- ranked by all the digits.
alter table item_vectors alter column embedding set storage plain;
create index item_vectors_nearest on item_vectors using hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops);

-- The cosine of each of some items' vectors with the question's.
create function cosines(of_collection text, of_generation bigint, question real[], items text[], chunks int[])
returns table (item_id text, chunk int, cosine float8) language plpgsql stable as $sql$
declare
asked vector(1536) := question; -- once, and not for each row
begin
return query
select v.item_id, v.chunk, 1 - (v.embedding <=> asked)
from unnest(items, chunks) a (i, c) join item_vectors v on v.item_id = a.i and v.chunk = a.c
where v.organization_id = scope_organization() and v.collection = of_collection and v.generation = of_generation;
end
$sql$;

-- Every vector looked at: of few, the fastest way; of many, the sure one.
create function nearest_exact(of_collection text, of_generation bigint, asked vector, most int, among text[])
returns table (item_id text, chunk int, cosine float8) language sql stable as $sql$
select item_id, chunk, 1 - distance from (
  select v.item_id, v.chunk, v.embedding <=> asked as distance from item_vectors v
  where v.organization_id = scope_organization() and v.collection = of_collection and v.generation = of_generation
    and (among is null or v.item_id = any (among))
  offset 0
) every
order by distance limit most
$sql$;

-- Along the index of all organizations (HNSW: Malkov and Yashunin 2016), on and on until enough of the vectors found are of this
-- organization and among those asked for, by pgvector's iterative scan.
create function nearest_indexed(of_collection text, of_generation bigint, asked vector, most int, among text[])
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
    and (among is null or v.item_id = any (among))
  order by v.embedding::halfvec(1536) <=> asked::halfvec(1536) limit most * 2
)
select f.item_id, f.chunk, 1 - (f.embedding <=> asked) from found f
order by (f.embedding <=> asked) + 0 limit most;
end
$sql$;

-- The `most` nearest vectors of a generation, or as many as there are. Items not `among` those named do not count.
create function nearest(of_collection text, of_generation bigint, question real[], most int, among text[])
returns table (item_id text, chunk int, cosine float8) language plpgsql stable
set plan_cache_mode = force_custom_plan as $sql$ -- many items are looked up in a hash only where the plan knows them
#variable_conflict use_column
declare
few constant int := 4000; -- of so many every one is looked at
asked vector(1536) := question;
vectors int;
items text[];
chunks int[];
cosines float8[];
begin
select count(*) into vectors from (
  select from item_vectors v
  where v.organization_id = scope_organization() and v.collection = of_collection and v.generation = of_generation
    and (among is null or v.item_id = any (among))
  limit few + 1) v;
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

-- What a filter by metadata can match, by the index: row-level security would let none look into jsonb. It looks at the scope's organization alone.
create index rag_documents_metadata on rag_documents using gin (organization_id, metadata jsonb_path_ops) where deleted_at is null;
create policy finder on rag_documents for select to agenthub_owner using (true);
create function documents_like(holding jsonb) returns text[]
language sql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
select coalesce(array_agg(id), '{}') from rag_documents
where organization_id = scope_organization() and deleted_at is null and metadata @> holding
$$;
revoke execute on function documents_like from public;
grant execute on function documents_like to agenthub_app;

-- The words of a question as they are marked in what was found; null where there are none.
create function marked_words(language text, question text) returns tsquery language sql immutable parallel safe as $$
select nullif(array_to_string(ranking_terms(language, question), ' | '), '')::tsquery
$$;

-- Where these words stand in a text; the text's own markup is escaped.
create function highlighted(language text, content text, words tsquery) returns text language sql immutable parallel safe
return ts_headline(search_config(language), replace(replace(replace(left(content, 20000), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), words,
  'StartSel=<mark>, StopSel=</mark>, MaxFragments=2');

reset role;
