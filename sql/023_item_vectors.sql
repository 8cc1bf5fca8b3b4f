-- 023_item_vectors: the vectors that are searched, and which model made them.
-- Needs 021_vectors. Safe while functions serve: adds tables and functions only.
--
-- A generation is what one model made of one collection of an organization. A search reads the serving one and no other: it embeds its
-- query with the configured model, and asks for the generation by provider, model and dimensions; where another one serves there are no
-- scores by vector. The job complete-embeddings builds the configured model's generation beside it and switches when it is whole.
-- Vectors that callers bring are a generation of their own (provider `caller`, model `caller`), which serves beside the model's and is
-- searched with vectors that callers bring. Nothing ever compares two generations.
--
-- Whoever writes an item asks embedding_generation() for the number to write its vectors under, and removes in the same statement what
-- any generation holds of its former text: a vector of other text must never be found.

set local role agenthub_owner;

create sequence embedding_generation_number as bigint;
grant usage on sequence embedding_generation_number to agenthub_app, agenthub_jobs;

create table embedding_generations (
  organization_id text collate "C" not null,
  id text collate "C" not null generated always as (collection || '/' || number) stored,
  collection text collate "C" not null check (collection in ('knowledge', 'documents', 'faqs')),
  number bigint not null default nextval('embedding_generation_number'),
  provider text collate "C" not null,
  model text collate "C" not null,
  dimensions int not null check (dimensions between 1 and 1536), -- the model's own; behind them a vector is zeros
  state text not null check (state in ('building', 'serving', 'retired')), -- of a retired one the vectors are being removed
  version bigint not null default nextval('row_version'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, id)
);
create unique index embedding_generations_model on embedding_generations (organization_id, collection, provider, model, dimensions)
  where state <> 'retired';
create unique index embedding_generations_serving on embedding_generations (organization_id, collection, (provider = 'caller'))
  where state = 'serving';

-- Of unit length, and padded with zeros to 1536. `chunk` is 0 where there are none; `text_hash` is the SHA-256 of the text embedded.
create table item_vectors (
  organization_id text collate "C" not null,
  collection text collate "C" not null check (collection in ('knowledge', 'documents', 'faqs')),
  item_id text collate "C" not null,
  chunk int not null,
  generation bigint not null,
  embedding real[] not null,
  text_hash text collate "C" not null,
  primary key (organization_id, collection, item_id, chunk, generation)
);
select make_vector_column('item_vectors', 'embedding');

select make_tenant_table('embedding_generations'), make_tenant_table('item_vectors');
select make_audited('embedding_generations', 'embedding_generation');

-- Writers of vectors hold this lock shared, whoever switches or retires generations holds it alone: nobody is about to write vectors
-- of a generation that is retired meanwhile. (The lock of Postgres's memory: a row lock would write the row for every writer.)
create function generation_lock(organization text, collection text) returns bigint language sql immutable parallel safe
return hashtextextended(collection, hashtextextended(organization, 23));

-- The generation to write a model's vectors under. The first one of a collection serves at once, another is built beside it.
create function embedding_generation(organization text, of_collection text, of_provider text, of_model text, of_dimensions int)
returns bigint language plpgsql as $$
declare
found_number bigint;
begin
perform pg_advisory_xact_lock_shared(generation_lock(organization, of_collection));
loop
  select number into found_number from embedding_generations
  where organization_id = organization and collection = of_collection and provider = of_provider and model = of_model
    and dimensions = of_dimensions and state <> 'retired';
  if found then
    return found_number;
  end if;
  -- where somebody makes one at the same time, this waits, and looks again
  insert into embedding_generations (organization_id, collection, provider, model, dimensions, state)
  select organization, of_collection, of_provider, of_model, of_dimensions, case when exists (
    select from embedding_generations
    where organization_id = organization and collection = of_collection and (provider = 'caller') = (of_provider = 'caller') and state = 'serving'
  ) then 'building' else 'serving' end
  on conflict do nothing;
end loop;
end
$$;

reset role;
