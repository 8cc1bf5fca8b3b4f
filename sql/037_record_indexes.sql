-- 037_record_indexes: an index entry knows when its record was made, and a table that declares another index has that one made alone.
-- Needs 034_record_checks. Safe while functions serve: adds a column that is empty at first, and replaces two functions under their own
-- names and meanings. What is there already gets its times in 038.
--
-- A table whose declarations changed had all of its indexes made anew, while nobody could write to it.

set local role agenthub_owner;

alter table data_index add column created_at timestamptz; -- the record's
alter table data_index add constraint data_index_created_at check (created_at is not null) not valid;

create or replace function index_records() returns trigger language plpgsql as $$
begin
if tg_op <> 'INSERT' then
  delete from data_index d using old_rows o
  where d.organization_id = o.organization_id and d.table_id = o.table_id and d.record_id = o.id;
end if;
if tg_op <> 'DELETE' then
  insert into data_index (organization_id, table_id, field, value, record_id, created_at)
  with i as materialized (
    select t.organization_id, t.id as table_id, c.field, c.as_time
    from (select distinct organization_id, table_id from new_rows) w
    join data_tables t on t.organization_id = w.organization_id and t.id = w.table_id, indexed_columns(t.columns) c
  )
  select n.organization_id, n.table_id, i.field, k.value, n.id, n.created_at
  from i join new_rows n on n.organization_id = i.organization_id and n.table_id = i.table_id,
    lateral (select sort_key(n.data -> i.field, i.as_time) as value offset 0) k
  where n.deleted_at is null and k.value is not null;
end if;
return null;
end
$$;

-- The indexes that a table no longer declares so go, those that it declares newly are made of the records that are there. Of a table that
-- was not known before no entry is believed.
create or replace function index_table() returns trigger language plpgsql as $$
declare
was jsonb := case when tg_op = 'UPDATE' then old.columns else '{}' end;
gone text[] := array(select field from (select * from indexed_columns(was) except select * from indexed_columns(new.columns)) c);
come text[] := array(select field from (select * from indexed_columns(new.columns) except select * from indexed_columns(was)) c);
begin
if tg_op = 'INSERT' then
  delete from data_index where organization_id = new.organization_id and table_id = new.id;
elsif gone <> '{}' then
  delete from data_index where organization_id = new.organization_id and table_id = new.id and field = any (gone);
end if;
if come <> '{}' then
  insert into data_index (organization_id, table_id, field, value, record_id, created_at)
  select r.organization_id, r.table_id, i.field, k.value, r.id, r.created_at
  from indexed_columns(new.columns) i, data_records r, lateral (select sort_key(r.data -> i.field, i.as_time) as value offset 0) k
  where i.field = any (come) and r.organization_id = new.organization_id and r.table_id = new.id and r.deleted_at is null
    and k.value is not null;
end if;
return null;
end
$$;

reset role;
