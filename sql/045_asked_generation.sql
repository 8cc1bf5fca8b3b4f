-- 045_asked_generation: a search by vectors alone says so where another model's vectors serve, and does not answer that nothing is near.
-- Needs 023_item_vectors, 028_nearest. Safe while functions serve: adds a function only.

set local role agenthub_owner;

-- As serving_generation(), for a search that has nothing else to go by. Raises AH503 while the configured model's vectors are still built.
create function asked_generation(of_collection text, of_provider text, of_model text, of_dimensions int) returns bigint language plpgsql stable as $$
declare
asked constant bigint := serving_generation(of_collection, of_provider, of_model, of_dimensions);
begin
if asked is null and of_provider <> 'caller' and exists (
  select from embedding_generations
  where organization_id = scope_organization() and collection = of_collection and provider <> 'caller' and state = 'serving'
) then
  raise exception 'the vectors of % are those of another model, until the job complete-embeddings has made those of %', of_collection, of_model
    using errcode = 'AH503';
end if;
return asked;
end
$$;

reset role;
