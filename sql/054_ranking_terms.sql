-- 054_ranking_terms: the words of a question are read by plans that are kept.
-- Needs 028_nearest. Safe while functions serve: two functions are replaced under their own names and meanings.
--
-- What is SQL and cannot be inlined was planned anew at every call, before PostgreSQL 18: 2 ms, twice a search.

set local role agenthub_owner;

-- The words of a question that rank: those that say something, or where there are none all of them.
create or replace function ranking_terms(language text, question text) returns tsquery[] language plpgsql immutable parallel safe as $$
declare
words tsvector := search_words(('pg_catalog.' || language_name(language))::regconfig, question);
begin
if length(words) = 0 then
  words := search_words(search_config(language), question);
end if;
return array(select term_query(lexeme) from unnest(words));
end
$$;

-- The words of a question as they are marked in what was found; null where there are none.
create or replace function marked_words(language text, question text) returns tsquery language plpgsql immutable parallel safe as $$
begin
return nullif(array_to_string(ranking_terms(language, question), ' | '), '')::tsquery;
end
$$;

reset role;
