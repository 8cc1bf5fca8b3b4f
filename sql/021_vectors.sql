-- 021_vectors: pgvector, where the server has it.
-- Needs a login that may create extensions. Safe while functions serve: adds an extension only.
-- Without it vectors are kept as real[]: everything works but the search by vector, which is refused.

do $$
begin
if exists (select from pg_available_extensions where name = 'vector') then
  create extension if not exists vector;
else
  raise notice 'pgvector is not to be had here: there will be no search by vector';
end if;
end
$$;

set local role agenthub_owner;

-- Makes vectors of 1536 numbers of a column of real[], where pgvector is there. A real[] is assigned to either.
create function make_vector_column(target regclass, name text) returns void language plpgsql as $$
begin
if to_regtype('vector') is not null then
  execute format('alter table %s alter column %I type vector(1536)', target, name);
end if;
end
$$;

reset role;
