-- 057_term_keys: a word of a corpus has one key in the index of texts, and is counted in a sample's own index.
-- Needs 054_ranking_terms. Who writes texts waits while the indexes are made, some 25 s a million texts, and is answered 503 where that is
-- longer than a statement may take; who searches waits for a moment at the end. Functions are replaced under their own names and meanings,
-- and what they alone called goes.
--
-- The index met three lists for every word: the organization's texts, the corpus's and the word's. And what was counted off a sample read
-- all of the sample.

set local role agenthub_owner;

-- What stands in the index for words of a corpus. Words of two corpora may share a key (64 bits): the corpus of what is found is looked at, by
-- "is not distinct from" and, for the sample, "+ 0", so that no plan reads another index as well; nor, at this cost, makes the keys of each row.
create function term_keys(organization text, corpus text, words text[]) returns bigint[] language sql immutable parallel safe cost 10000
return array(select hashtextextended(word, hashtextextended(corpus, hashtextextended(organization, 0))) from unnest(words) word);

-- What was just written stands in a list before it gets its places, and every word's search reads all of it: up to 4 MB, were it not said.
create index search_texts_keys on search_texts using gin (term_keys(organization_id, corpus, tsvector_to_array(terms))) with (gin_pending_list_limit = 256);
create index search_texts_keys_1 on search_texts using gin (term_keys(organization_id, corpus, tsvector_to_array(terms))) with (fastupdate = off) where place + 0 < 1;
create index search_texts_keys_8 on search_texts using gin (term_keys(organization_id, corpus, tsvector_to_array(terms))) with (fastupdate = off) where place + 0 < 8;
create index search_texts_keys_64 on search_texts using gin (term_keys(organization_id, corpus, tsvector_to_array(terms))) with (fastupdate = off) where place + 0 < 64;

-- Any of some words, as a tsquery; null of none.
create function any_word(words text[]) returns tsquery language sql immutable parallel safe
return (select nullif(string_agg(term_query(word)::text, ' | '), '')::tsquery from unnest(words) word);

-- The words of a question that rank: those that say something, or where there are none all of them.
create function ranking_words(language text, question text) returns text[] language plpgsql immutable parallel safe as $$
declare
words tsvector := search_words(('pg_catalog.' || language_name(language))::regconfig, question);
begin
return tsvector_to_array(case when length(words) > 0 then words else search_words(search_config(language), question) end);
end
$$;

-- What a question encloses in "quotes".
create function quoted_phrases(question text) returns setof text language sql immutable parallel safe as $$
select m[1] from regexp_matches(question, '"([^"]*[^"[:space:]][^"]*)"', 'g') m
$$;

-- As in 027: it must stand there, word by word, its identifiers as they are; null where nothing is enclosed.
create or replace function quoted_query(config regconfig, question text) returns tsquery language plpgsql immutable parallel safe as $$
declare
phrase text;
identifier text;
wanted tsquery;
begin
for phrase in select quoted_phrases(question) loop
  wanted := coalesce(wanted && phraseto_tsquery(config, parted(phrase)), phraseto_tsquery(config, parted(phrase)));
  foreach identifier in array identifiers(phrase) loop
    wanted := wanted && term_query(identifier);
  end loop;
end loop;
return case when numnode(wanted) > 0 then wanted end;
end
$$;

-- Its words: what a text has that matches.
create function quoted_words(config regconfig, question text) returns text[] language sql immutable parallel safe
return array(select distinct lexeme from quoted_phrases(question) phrase, unnest(search_words(config, phrase)));

-- The words of a question as they are marked in what was found; null where there are none.
create or replace function marked_words(language text, question text) returns tsquery language plpgsql immutable parallel safe as $$
begin
return any_word(ranking_words(language, question));
end
$$;

-- BM25 of one word in one text, by its ts_rank and what its length adds to the word's number: k1 (1 - b + b length / average).
create function term_share(rank float4, k float8) returns float8 language sql immutable parallel safe
return coalesce(2.2 * (1 - k / (1 / (1.6449340668482264 * (1 - nullif(rank, 0)::float8)) - 0.5 + k)), 0);

-- How many texts a corpus has, how long they are, and in how many each word is. Off a random sample that holds a thousand; a word that is in
-- fewer than fifty of it off a larger one, or of all. So a number is within some 15 % of the true one, which moves the word's weight by as
-- little as chance does, and few texts are read.
create function corpus_counts(organization text, of_corpus text, words text[], out texts float8, out average float8, out counts float8[])
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
parts int;
keys bigint[] := term_keys(organization, of_corpus, words);
seen float8 := 0;
begin
foreach parts in array array[1, 8, 64, 1024] loop
  if seen < 1000 then
    select count(*), avg(s.words) into seen, average from search_texts s
    where s.organization_id = organization and s.corpus = of_corpus and s.place < parts;
    continue when seen < 1000 and parts < 1024;
    texts := seen * 1024 / parts;
  end if;
  select array_agg(coalesce(counts[i], case when n >= 50 or parts = 1024 then n * 1024 / parts end) order by i) into counts
  from (
    select i, case when counts[i] is null then (
      select count(*) from search_texts s
      where term_keys(s.organization_id, s.corpus, tsvector_to_array(s.terms)) && array[keys[i]] and s.place + 0 < parts
        and (s.organization_id, s.corpus) is not distinct from (organization, of_corpus)) end as n
    from generate_subscripts(words, 1) i offset 0) counted;
  exit when array_position(counts, null) is null;
end loop;
end
$$;

-- The `most` best texts of a corpus, and what the texts `also` score (by item and chunk). Items not `among` those named do not count.
-- Rare words are looked for first. What frequent ones alone could give a text is bounded: once that would not make it one of the best,
-- texts that have only those are not looked at (MaxScore: Turtle and Flood 1995), and the answer is what it would be with them. Of a question
-- of more than 256 words the rarest 256 rank: a page of text is asked for by what is rare in it, and in bounded time.
create or replace function corpus_hits(of_corpus text, question text, most int, among text[], also_items text[], also_chunks int[])
returns table (item_id text, chunk int, score float8)
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan
set work_mem = '64MB' set max_parallel_workers_per_gather = 0 as $$
declare
organization text := scope_organization();
of_language text := split_part(of_corpus, '/', 2);
quoted tsquery := quoted_query(search_config(of_language), question);
words text[] := ranking_words(of_language, question);
queries tsquery[];
growth float8; -- of a word's length normalization with each word of a text
corpus record;
weights float8[];
running float8[]; -- how many texts the words up to each have, at most
items text[] := '{}';
chunks int[] := '{}';
scores float8[] := '{}';
done int;
upto int := 0;
few float8 := 2000;
texts text;
begin
corpus := corpus_counts(organization, of_corpus, words);
select coalesce(array_agg(w order by n, w), '{}'), array_agg(r order by n, w), array_agg(ln(1 + (greatest(corpus.texts, n) - n + 0.5) / (n + 0.5)) order by n, w)
into words, running, weights
from (select w, n, sum(n) over (order by n, w) as r from unnest(words, corpus.counts) u (w, n) where n > 0 order by n, w limit 256) found;
if quoted is null and cardinality(words) = 0 then
  return;
end if;
growth := 0.9 / nullif(corpus.average, 0);
queries := array(select term_query(word) from unnest(words) word);
texts := format('select t.item_id, t.chunk, %s as score from search_texts t where (t.organization_id, t.corpus) is not distinct from ($1, $2)', coalesce((
  select string_agg(format('$3[%s] * term_share(ts_rank(''{1, 1, 1, 1}'', t.terms, $4[%1$s]), 0.3 + $5 * t.words)', i), ' + ')
  from generate_subscripts(words, 1) i), '0::float8'));
loop
  done := upto;
  upto := case when quoted is not null then cardinality(words)
    else greatest(done + 1, (select count(*) from unnest(running) r where r <= coalesce(running[done], 0) + few)) end;
  execute format('
    select coalesce(array_agg(b.item_id), ''{}''), coalesce(array_agg(b.chunk), ''{}''), coalesce(array_agg(b.score), ''{}'') from (
      select i as item_id, c as chunk, s as score from unnest($6, $7, $8) u (i, c, s)
      union all
      %s and term_keys(t.organization_id, t.corpus, tsvector_to_array(t.terms)) %s $9
        and ($10 is null or t.terms @@ $10) and ($11 is null or not t.terms @@ $11) and ($12 is null or t.item_id = any ($12))
      order by score desc, item_id, chunk limit $13
    ) b', texts, case when quoted is null then '&&' else '@>' end)
  into items, chunks, scores
  using organization, of_corpus, weights, queries, growth, items, chunks, scores,
    term_keys(organization, of_corpus, case when quoted is null then words[done + 1 : upto] else quoted_words(search_config(of_language), question) end),
    quoted, any_word(words[1 : done]), among, most;
  exit when upto = cardinality(words);
  exit when cardinality(scores) = most and scores[most] > 2.2 * (select sum(w) from unnest(weights[upto + 1 :]) w);
  few := few * 4;
end loop;
return query
select * from unnest(items, chunks, scores);
if also_items is not null then
  return query execute texts || '
    and ($6 is null or t.terms @@ $6) and t.organization_id = $1 and t.collection = $7
    and (t.item_id, t.chunk) in (select * from unnest($8, $9) except select * from unnest($10, $11))'
  using organization, of_corpus, weights, queries, growth, quoted, split_part(of_corpus, '/', 1), also_items, also_chunks, items, chunks;
end if;
end
$$;
revoke execute on function corpus_counts(text, text, text[]) from public;
drop function corpus_counts(text, text, tsquery[]);
drop function ranking_terms;
drop function term_score;
drop function occurrences;
drop index search_texts_terms; -- the last: from here on searches wait for the end

reset role;
