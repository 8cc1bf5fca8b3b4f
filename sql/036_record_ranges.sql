-- 036_record_ranges: where a range of an indexed field ends.
-- Needs 012_database. Safe while functions serve: adds a function, and replaces another under its own name and meaning.
--
-- A range of texts without an upper bound ended at '~', behind which the bytes of every other character than ASCII's lie, and texts that
-- begin with '~' themselves: such records were not found. Each kind of sort_key() has a letter of its own, and ends before the next.

set local role agenthub_owner;

-- Where the keys lie of what a range can match (see record_candidates), both ends included: those of a list, or from `low` to `high`.
-- Null `low` and `high`: nowhere.
create function key_range(range jsonb, as_time boolean, out keys text[], out low text, out high text) language plpgsql immutable parallel safe as $$
begin
if range ? 'values' then
  keys := array(select sort_key(v, as_time) from jsonb_array_elements(range -> 'values') v);
  select min(k collate "C"), max(k collate "C") into low, high from unnest(keys) k;
  return;
end if;
low := sort_key(range -> 'from', as_time);
high := sort_key(range -> 'to', as_time);
low := coalesce(low, left(high, 1));
high := coalesce(high, chr(ascii(low) + 1));
end
$$;

create or replace function record_candidates(table_name text, columns jsonb, ranges jsonb, containing jsonb, most int) returns text[]
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
wanted record;
given jsonb;
alternatives jsonb[];
found_keys text[];
begin
for wanted in
  select i.field, b.*
  from jsonb_array_elements(ranges) r join indexed_columns(columns) i on i.field = r ->> 'field', key_range(r, i.as_time) b
  order by r ? 'values' desc
loop
  if wanted.keys is not null then
    select array_agg(record_id) into found_keys from (
      select record_id from data_index
      where organization_id = scope_organization() and table_id = table_name and field = wanted.field and value = any (wanted.keys)
      limit most + 1) few;
  else
    -- looked for before they are gathered: a wide range costs no more than finding that it is one
    perform from data_index
    where organization_id = scope_organization() and table_id = table_name and field = wanted.field
      and value >= wanted.low and value <= wanted.high
    offset most limit 1;
    continue when found;
    select array_agg(record_id) into found_keys from data_index
    where organization_id = scope_organization() and table_id = table_name and field = wanted.field
      and value >= wanted.low and value <= wanted.high;
  end if;
  if coalesce(cardinality(found_keys), 0) <= most then
    return coalesce(found_keys, '{}');
  end if;
end loop;
for given in select jsonb_array_elements(containing) loop
  alternatives := array(select jsonb_array_elements(given)); -- a value by now: the planner sees what is looked for
  select array_agg(id) into found_keys from (
    select id from data_records
    where organization_id = scope_organization() and table_id = table_name and deleted_at is null
      and data @> any (alternatives)
    limit most + 1) few;
  if coalesce(cardinality(found_keys), 0) <= most then
    return coalesce(found_keys, '{}');
  end if;
end loop;
return null;
end
$$;

reset role;
