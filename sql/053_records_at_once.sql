-- 053_records_at_once: whether records fit their table is asked once of all that a request makes.
-- Needs 041_quiet_refusals. Safe while functions serve: a function is added, and one keeps its name and meaning.
--
-- Asked record by record, setting the question up took longer than answering it, and half of the time of a bulk write.

set local role agenthub_owner;

-- Refuses records whose data does not fit their table: the first of them, with each of its faults, told at its `at_paths`, or at
-- `operation`, if it is of one. `also` are the keys of records that the same request makes: they may be referred to.
create function must_fit(owner data_tables, given jsonb[], at_paths text[], also text[], operation text default '') returns boolean
language plpgsql as $$
declare
columns jsonb := owner.columns;
problems jsonb;
begin
if columns = '{}' and not (owner).strict then
  return true;
end if;
select jsonb_agg(case operation
    when '' then jsonb_build_object('path', at_paths[n] || '/' || key, 'message', problem)
    else jsonb_build_object('path', operation, 'message', format('%s/%s: %s', at_paths[n], key, problem)) end order by key collate "C")
into problems
from (select n, key, value from unnest(given) with ordinality r (data, n), jsonb_each(data) offset 0) f
left join (
  select field, column_type(columns, field) as type, columns -> field ->> 'references' as target from jsonb_object_keys(columns) field offset 0
) c on c.field = f.key
cross join lateral (select case
    when type is null then case when (owner).strict then 'is unknown here' end
    when value = 'null' then null
    when type in ('string', 'reference', 'uuid') and jsonb_typeof(value) <> 'string' then case type when 'uuid' then 'must be a UUID' else 'must be a string' end
    when type = 'uuid' and value #>> '{}' !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'must be a UUID'
    when type in ('reference', 'string', 'uuid') and target is not null
      and record_key(target, value #>> '{}') <> all (also) and (
        select r.id from data_records r
        where r.organization_id = owner.organization_id and r.id = record_key(target, value #>> '{}') and r.deleted_at is null) is null
      then format('there is no record %s in %s', value #>> '{}', target)
    when type = 'number' and jsonb_typeof(value) <> 'number' then 'must be a number'
    when type = 'integer' then case when jsonb_typeof(value) <> 'number' then 'must be an integer'
      when value::numeric <> trunc(value::numeric) then 'must be an integer' end
    when type = 'boolean' and jsonb_typeof(value) <> 'boolean' then 'must be true or false'
    when type = 'timestamp' and (jsonb_typeof(value) <> 'string' or time_of(value #>> '{}') is null) then 'must be a time with its zone (ISO 8601)'
  end as problem) p
where problem is not null
group by n
order by n
limit 1;
if problems is not null then
  raise exception using errcode = 'AH400', message = 'the data does not fit its table', detail = problems::text,
    hint = format('%s: %s', problems -> 0 ->> 'path', problems -> 0 ->> 'message');
end if;
return true;
end
$$;

-- The data of one record, which must fit its table.
create or replace function fitting(owner data_tables, given jsonb, at_path text, also text[], operation text default '') returns jsonb
language plpgsql as $$
begin
perform must_fit(owner, array[given], array[at_path], also, operation);
return given;
end
$$;
drop function data_problems(text, jsonb, boolean, jsonb, text[]);

reset role;
