-- 026_search: the words of knowledge entries, documents and faqs, and the ranking of what matches a question.
-- Needs 012_database, 024_documents. Safe while functions serve: adds a table, triggers and functions only.
--
-- A row of search_texts is what one item, or one chunk of a document, says: its words by their stems, written by trigger in the item's own
-- transaction. Rows of one collection and language are a corpus. Questions are ranked by BM25 (Robertson and Zaragoza 2009; k1 1.2, b 0.75,
-- lengths in distinct words), with no statistics kept: how often a word occurs in a text is read off ts_rank, which for one word is
-- 6/pi^2 times the sum of 1/i^2 up to that number; how many texts have it is counted as it is asked, exactly in a corpus of up to some
-- 16,000 texts, in a larger one off a fixed random sample of a thousand or more where the word is frequent. So a writer touches
-- nothing but its own rows, and no count can be stale.

set local role agenthub_owner;

-- Stemmers of PostgreSQL's languages that keep the words it would drop: "vitamin a" and "to be or not to be" are phrases like any other.
do $$
declare
language text;
begin
for language in select cfgname from pg_ts_config where cfgnamespace = 'pg_catalog'::regnamespace and cfgname <> 'simple' loop
  execute format('create text search dictionary %I (template = pg_catalog.snowball, language = %I)', 'search_' || language, language);
  execute format('create text search configuration %I (copy = pg_catalog.%I)', 'search_' || language, language);
  execute format('alter text search configuration %I alter mapping replace pg_catalog.%I with %I', 'search_' || language, language || '_stem', 'search_' || language);
end loop;
end
$$;

-- PostgreSQL's name of a language (ISO 639); where it knows none, words are taken as they stand.
create function language_name(language text) returns text language sql immutable parallel safe
return case language when 'ar' then 'arabic' when 'hy' then 'armenian' when 'eu' then 'basque' when 'ca' then 'catalan' when 'da' then 'danish'
  when 'nl' then 'dutch' when 'en' then 'english' when 'fi' then 'finnish' when 'fr' then 'french' when 'de' then 'german'
  when 'el' then 'greek' when 'hi' then 'hindi' when 'hu' then 'hungarian' when 'id' then 'indonesian' when 'ga' then 'irish'
  when 'it' then 'italian' when 'lt' then 'lithuanian' when 'ne' then 'nepali' when 'no' then 'norwegian' when 'pt' then 'portuguese'
  when 'ro' then 'romanian' when 'ru' then 'russian' when 'sr' then 'serbian' when 'es' then 'spanish' when 'sv' then 'swedish'
  when 'ta' then 'tamil' when 'tr' then 'turkish' when 'yi' then 'yiddish' else 'simple' end;

create function search_config(language text) returns regconfig language sql immutable parallel safe
return (case language_name(language) when 'simple' then 'pg_catalog.simple' else 'public.search_' || language_name(language) end)::regconfig;

-- Words that are joined by a sign are words of their own: PostgreSQL's parser would take a/b for a file and end.Then for a host.
create function parted(content text) returns text language sql immutable parallel safe
return translate(content, '_/.-@:#+\=&', '           ');

-- What holds together as it stands: ERR_42-b, agent_1, ada@acme.example, 1.2.3; of words joined by hyphens alone the parts are enough.
create function identifiers(content text) returns text[] language sql immutable parallel safe
return array(
  select distinct lower(token) from (
    select rtrim(ltrim(m[1], '.:-/#+@&='), '.:-/#+@&=') as token from regexp_matches(content, '[[:alnum:]_]*[_.@:/#+=&-][^][[:space:]"''(),;!?<>{}|]+', 'g') m
  ) t
  where token ~ '[_.@:/#+=&-]' and token !~ '^[[:alpha:]-]+$' and char_length(token) <= 200);

-- The words of a text, and its identifiers. A tsvector ends at 1 MB: the first 150,000 characters count.
create function search_words(config regconfig, content text) returns tsvector language sql immutable parallel safe
return to_tsvector(config, parted(left(content, 150000))) || array_to_tsvector(identifiers(left(content, 150000)));

-- `chunk` is 0 where there are none. `text_hash` tells whether the words are those of the present text; `place` is where the row stands among
-- 1,024 equal parts of its corpus, by chance.
create table search_texts (
  organization_id text collate "C" not null,
  collection text collate "C" not null check (collection in ('knowledge', 'documents', 'faqs')),
  item_id text collate "C" not null,
  chunk int not null,
  corpus text collate "C" not null, -- the collection and the language: documents/en
  text_hash text collate "C" not null,
  terms tsvector not null,
  words int not null generated always as (length(terms)) stored, -- distinct ones
  place smallint not null generated always as (hashtext(item_id || '/' || chunk) & 1023) stored,
  primary key (organization_id, collection, item_id, chunk)
) with (toast_tuple_target = 8160); -- most rows are read whole, one by one: a visit to the toast table would cost more than all the rest
alter table search_texts alter column terms set storage main;
create index search_texts_terms on search_texts using gin (organization_id, corpus, terms);
create index search_texts_place on search_texts (organization_id, corpus, place, words);

select make_tenant_table('search_texts');

-- What the items of a collection say, by their texts: the title belongs to each chunk. A document that is not cut up (yet), or has no content, is one text.
create function item_texts(organization text, of_collection text, items text[])
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
  where d.organization_id = organization and d.id = any (items) and d.deleted_at is null;
end case;
end
$$;

-- Brings the words of some items up to date: a text that has not changed keeps its row.
create function index_texts(organization text, of_collection text, items text[]) returns void language plpgsql as $$
begin
with present as materialized (
  select t.item_id, t.chunk, of_collection || '/' || coalesce(t.language, 'en') as corpus, md5(t.content) as text_hash, t.content, coalesce(t.language, 'en') as language
  from item_texts(organization, of_collection, items) t
), gone as (
  delete from search_texts s
  where s.organization_id = organization and s.collection = of_collection and s.item_id = any (items)
    and not exists (select from present p where p.item_id = s.item_id and p.chunk = s.chunk)
)
insert into search_texts (organization_id, collection, item_id, chunk, corpus, text_hash, terms)
select organization, of_collection, p.item_id, p.chunk, p.corpus, p.text_hash, search_words(search_config(p.language), p.content)
from present p
where not exists (
  select from search_texts s
  where s.organization_id = organization and s.collection = of_collection and s.item_id = p.item_id and s.chunk = p.chunk
    and s.corpus = p.corpus and s.text_hash = p.text_hash)
on conflict (organization_id, collection, item_id, chunk) do update
set corpus = excluded.corpus, text_hash = excluded.text_hash, terms = excluded.terms;
end
$$;

-- Arguments: the collection, and the column that names the item.
create function index_changed_texts() returns trigger language plpgsql as $$
declare
changed record;
begin
for changed in
  execute format('select organization_id, array_agg(distinct %I) as items from %s group by 1', tg_argv[1],
    case tg_op when 'DELETE' then 'old_rows' else 'new_rows' end)
loop
  perform index_texts(changed.organization_id, tg_argv[0], changed.items);
end loop;
return null;
end
$$;
select make_statement_triggers('knowledge_entries', 'texts', 'index_changed_texts(''knowledge'', ''id'')'),
  make_statement_triggers('rag_documents', 'texts', 'index_changed_texts(''documents'', ''id'')'),
  make_statement_triggers('rag_chunks', 'texts', 'index_changed_texts(''documents'', ''document_id'')'),
  make_statement_triggers('faqs', 'texts', 'index_changed_texts(''faqs'', ''id'')');

reset role;
