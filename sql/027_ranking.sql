-- 027_ranking: which texts answer a question best.
-- Needs 026_search. Safe while functions serve: adds functions only.
-- Row-level security would let no index look into a tsvector: the ranking is a definer's function that looks at the scope's organization alone.

set local role agenthub_owner;

create policy finder on search_texts for select to agenthub_owner using (true);

-- One word as a tsquery, whatever signs are in it.
create function term_query(term text) returns tsquery language sql immutable parallel safe
return ('''' || replace(replace(term, '\', '\\'), '''', '''''') || '''')::tsquery;

-- What "quotes" enclose must stand there, word by word, its identifiers as they are; null where nothing is enclosed.
create function quoted_query(config regconfig, question text) returns tsquery language plpgsql immutable parallel safe as $$
declare
phrase text;
identifier text;
wanted tsquery;
begin
for phrase in select m[1] from regexp_matches(question, '"([^"]*[^"[:space:]][^"]*)"', 'g') m loop
  wanted := coalesce(wanted && phraseto_tsquery(config, parted(phrase)), phraseto_tsquery(config, parted(phrase)));
  foreach identifier in array identifiers(phrase) loop
    wanted := wanted && term_query(identifier);
  end loop;
end loop;
return case when numnode(wanted) > 0 then wanted end;
end
$$;

-- The words of a question that rank: those that say something, or where there are none all of them.
create function ranking_terms(language text, question text) returns tsquery[] language sql immutable parallel safe as $$
select array(select term_query(lexeme) from unnest(case when length(saying) > 0 then saying else every end))
from search_words(('pg_catalog.' || language_name(language))::regconfig, question) saying, search_words(search_config(language), question) every
$$;

-- How often a word occurs, by the ts_rank of its query alone: 6/pi^2 (1 + 1/4 + 1/9 + ...), whose rest after n terms is 1/(n + 1/2), nearly.
create function occurrences(rank float4) returns float8 language sql immutable parallel safe
return 1 / (1.6449340668482264 * (1 - rank::float8)) - 0.5;

-- BM25 of one text, whose length is `length` times the average one.
create function term_score(of_terms tsvector, length float8, ranking tsquery[], weights float8[]) returns float8 language plpgsql immutable parallel safe as $$
declare
score float8 := 0;
rank float4;
n float8;
begin
for i in 1 .. cardinality(ranking) loop
  rank := ts_rank('{1, 1, 1, 1}', of_terms, ranking[i]);
  if rank > 0 then
    n := occurrences(rank);
    score := score + weights[i] * n * 2.2 / (n + 1.2 * (0.25 + 0.75 * length));
  end if;
end loop;
return score;
end
$$;

-- How many texts a corpus has, how long they are, and in how many each term is. Off a sample where that holds a thousand: of those terms
-- that are in fifty texts of it the number is within some 15 % of the true one, which moves their weight by as little as chance does.
create function corpus_counts(organization text, of_corpus text, ranking tsquery[], out texts float8, out average float8, out counts float8[])
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
parts int;
seen float8;
counted bigint;
begin
foreach parts in array array[1, 8, 64, 1024] loop
  select count(*), avg(s.words) into seen, average from search_texts s
  where s.organization_id = organization and s.corpus = of_corpus and s.place < parts;
  exit when seen >= 1000;
end loop;
texts := seen * 1024 / parts;
if parts < 1024 then
  select array_agg(n order by i) into counts from (
    select i, (select count(*) from search_texts s
      where s.organization_id = organization and s.corpus = of_corpus and s.place < parts and s.terms @@ ranking[i]) * 1024.0 / parts as n
    from generate_subscripts(ranking, 1) i offset 0) c;
end if;
for i in 1 .. coalesce(cardinality(ranking), 0) loop
  if counts[i] is null or counts[i] < 50 * 1024 / parts then
    select count(*) into counted from search_texts s
    where s.organization_id = organization and s.corpus = of_corpus and s.terms @@ ranking[i];
    counts[i] := counted;
  end if;
end loop;
end
$$;

-- The `most` best texts of a corpus, and what the texts `also` score (by item and chunk). Items not `among` those named do not count.
-- Rare words are looked for first. What frequent ones alone could give a text is bounded: once that would not make it one of the best,
-- texts that have only those are not looked at (MaxScore: Turtle and Flood 1995), and the answer is what it would be with them.
create function corpus_hits(of_corpus text, question text, most int, among text[], also_items text[], also_chunks int[])
returns table (item_id text, chunk int, score float8)
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
organization text := scope_organization();
of_collection text := split_part(of_corpus, '/', 1);
of_language text := split_part(of_corpus, '/', 2);
quoted tsquery := quoted_query(search_config(of_language), question);
ranking tsquery[] := ranking_terms(of_language, question);
corpus record;
weights float8[];
running float8[]; -- how many texts the terms up to each have, at most
items text[] := '{}';
chunks int[] := '{}';
scores float8[] := '{}';
done int := 0;
upto int := 0;
wanted tsquery;
known tsquery;
few float8 := 2000;
begin
corpus := corpus_counts(organization, of_corpus, ranking);
select coalesce(array_agg(t order by n, t), '{}'), array_agg(r order by n, t), array_agg(ln(1 + (greatest(corpus.texts, n) - n + 0.5) / (n + 0.5)) order by n, t)
into ranking, running, weights
from (select t, n, sum(n) over (order by n, t) as r from unnest(ranking, corpus.counts) u (t, n) where n > 0) found;
if quoted is null and cardinality(ranking) = 0 then
  return;
end if;
loop
  done := upto;
  if quoted is null then
    upto := greatest(done + 1, (select count(*) from unnest(running) r where r <= coalesce(running[done], 0) + few));
    wanted := array_to_string(ranking[done + 1 : upto], ' | ')::tsquery;
  else
    upto := cardinality(ranking);
    wanted := quoted;
  end if;
  select coalesce(array_agg(b.item_id order by place), '{}'), array_agg(b.chunk order by place), coalesce(array_agg(b.score order by place), '{}')
  into items, chunks, scores
  from (
    select f.*, row_number() over (order by f.score desc, f.item_id, f.chunk) as place from (
      select i as item_id, c as chunk, s as score from unnest(items, chunks, scores) u (i, c, s)
      union all
      select t.item_id, t.chunk, term_score(t.terms, t.words / corpus.average, ranking, weights) from search_texts t
      where t.organization_id = organization and t.corpus = of_corpus and t.terms @@ wanted and (known is null or not t.terms @@ known)
        and (among is null or t.item_id = any (among))
    ) f
    order by f.score desc, f.item_id, f.chunk limit most
  ) b;
  exit when upto = cardinality(ranking);
  exit when cardinality(scores) = most and scores[most] > 2.2 * (select sum(w) from unnest(weights[upto + 1 :]) w);
  known := array_to_string(ranking[1 : upto], ' | ')::tsquery;
  few := few * 4;
end loop;
return query
select * from unnest(items, chunks, scores)
union
select t.item_id, t.chunk, term_score(t.terms, t.words / corpus.average, ranking, weights)
from unnest(also_items, also_chunks) a (i, c)
join search_texts t on t.organization_id = organization and t.collection = of_collection and t.item_id = i and t.chunk = c and t.corpus = of_corpus
where quoted is null or t.terms @@ quoted;
end
$$;
revoke execute on function corpus_counts, corpus_hits from public;
grant execute on function corpus_hits to agenthub_app;

-- The same over every language that a collection has texts in, each a corpus of its own.
create function text_hits(of_collection text, question text, most int, among text[], also_items text[], also_chunks int[])
returns table (item_id text, chunk int, score float8) language sql stable as $$
with recursive corpora (corpus) as (
  select min(corpus) from search_texts where organization_id = scope_organization() and corpus >= of_collection || '/' and corpus < of_collection || '0'
  union all
  select (select min(t.corpus) from search_texts t where t.organization_id = scope_organization() and t.corpus > c.corpus and t.corpus < of_collection || '0')
  from corpora c where c.corpus is not null
)
select h.* from corpora c, corpus_hits(c.corpus, question, most, among, also_items, also_chunks) h where c.corpus is not null
$$;

reset role;
