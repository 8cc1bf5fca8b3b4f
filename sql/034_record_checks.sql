-- 034_record_checks: what is checked and indexed of new records, at a cost that follows the new ones alone.
-- Needs 012_database. Safe while functions serve: two functions are replaced under their own names and meanings.
--
-- For `not exists` PostgreSQL could gather every record of the organization into a hash, once a record that was made, even of a table
-- without references: 1,000 records took seconds beside 10,000. A scalar subquery is looked up by the key; and which fields a table
-- has indexed was asked once a record.

set local role agenthub_owner;

create or replace function data_problems(organization text, columns jsonb, strict boolean, data jsonb, also text[]) returns jsonb
language sql stable as $$
select jsonb_agg(jsonb_build_object('path', key, 'message', problem) order by key collate "C")
from jsonb_each(data) f, lateral (select column_type(columns, key) as type, jsonb_typeof(value) as is, value #>> '{}' as text) c,
  lateral (select case
    when type is null then case when strict then 'is unknown here' end
    when c.is = 'null' then null
    when type in ('string', 'reference') and c.is <> 'string' then 'must be a string'
    when type = 'number' and c.is <> 'number' then 'must be a number'
    when type = 'integer' then case when c.is <> 'number' then 'must be an integer'
      when text::numeric <> trunc(text::numeric) then 'must be an integer' end
    when type = 'boolean' and c.is <> 'boolean' then 'must be true or false'
    when type = 'timestamp' then case when c.is <> 'string' or time_of(text) is null then 'must be a time with its zone (ISO 8601)' end
    when type = 'uuid' and (c.is <> 'string' or text !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') then 'must be a UUID'
    when type in ('reference', 'string', 'uuid') and columns -> key ->> 'references' is not null
      and record_key(columns -> key ->> 'references', text) <> all (also) and (
        select r.id from data_records r
        where r.organization_id = organization and r.id = record_key(columns -> key ->> 'references', text) and r.deleted_at is null) is null
      then format('there is no record %s in %s', text, columns -> key ->> 'references')
  end as problem) p
where problem is not null
$$;

create or replace function index_records() returns trigger language plpgsql as $$
begin
if tg_op <> 'INSERT' then
  delete from data_index d using old_rows o
  where d.organization_id = o.organization_id and d.table_id = o.table_id and d.record_id = o.id;
end if;
if tg_op <> 'DELETE' then
  insert into data_index (organization_id, table_id, field, value, record_id)
  with i as materialized (
    select t.organization_id, t.id as table_id, c.field, c.as_time
    from (select distinct organization_id, table_id from new_rows) w
    join data_tables t on t.organization_id = w.organization_id and t.id = w.table_id, indexed_columns(t.columns) c
  )
  select n.organization_id, n.table_id, i.field, k.value, n.id
  from i join new_rows n on n.organization_id = i.organization_id and n.table_id = i.table_id,
    lateral (select sort_key(n.data -> i.field, i.as_time) as value offset 0) k
  where n.deleted_at is null and k.value is not null;
end if;
return null;
end
$$;

reset role;
