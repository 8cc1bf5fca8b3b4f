-- 012_database: tables that users define, and their records.
-- Needs 006_conversations. Safe while functions serve: adds tables and functions only.
-- A record's id is its table's name and its own id, joined by record_key(): records of two tables may share an id.
-- `implicit` marks a table that is known by its imported records alone.

set local role agenthub_owner;

create table data_tables (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200), -- the table's name
  columns jsonb not null default '{}', -- { name: type or { type, indexed?, references? } }; imported ones as they came
  strict boolean not null default false,
  implicit boolean not null default false,
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);

create function record_key(table_id text, record_id text) returns text language sql immutable parallel safe
return replace(replace(table_id, '%', '%25'), '/', '%2F') || '/' || record_id;

create table data_records (
  organization_id text collate "C" not null,
  id text collate "C" not null check (id = record_key(table_id, record_id)),
  table_id text collate "C" not null check (char_length(table_id) between 1 and 200),
  record_id text collate "C" not null check (char_length(record_id) between 1 and 200),
  data jsonb not null check (jsonb_typeof(data) = 'object'),
  extra jsonb,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);
create index data_records_newest on data_records (organization_id, table_id, created_at desc, record_id desc) where deleted_at is null;
create index data_records_data on data_records using gin (organization_id, table_id, data jsonb_path_ops) where deleted_at is null;

-- What is declared `indexed`: a row a field of a record (by its key, `data_records.id`), written by trigger. `value` is its sort_key(): row-level security lets an
-- index compare texts (they leak nothing) where it would not let it compare numeric or jsonb.
create table data_index (
  organization_id text collate "C" not null,
  table_id text collate "C" not null,
  field text collate "C" not null,
  value text collate "C" not null,
  record_id text collate "C" not null,
  primary key (organization_id, table_id, record_id, field)
);
create index data_index_value on data_index (organization_id, table_id, field, value, record_id);

select make_tenant_table('data_tables'), make_tenant_table('data_records'), make_tenant_table('data_index');
select make_audited('data_tables', 'table'), make_audited('data_records', 'record');

-- The type that a table declares for a field, or null.
create function column_type(columns jsonb, field text) returns text language sql immutable parallel safe
return case jsonb_typeof(columns -> field) when 'object' then columns -> field ->> 'type' else columns ->> field end;

-- ISO 8601 with a zone, or null for what is no such time. (Immutable in fact: the text names its zone.) The forms that programs write
-- are told by a quicker look than the rest. It and sort_key() are plpgsql for their speed: what cannot be inlined is slower in SQL.
create function time_of(given text) returns timestamptz language plpgsql immutable parallel safe as $$
begin
if translate(given, '123456789', '000000000') in ('0000-00-00T00:00:00Z', '0000-00-00T00:00:00.000Z', '0000-00-00T00:00:00.000000Z')
  and substr(given, 12, 2) <= '23' and substr(given, 18, 2) <= '59'
  or given ~ '^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):[0-5]\d)$' then
  return case when pg_input_is_valid(given, 'timestamptz') then given::timestamptz end;
end if;
return null;
end
$$;

-- A number as text whose bytes sort as the number does: sign, exponent, digits; a negative one with both turned round.
create function number_key(n numeric) returns text language plpgsql immutable parallel safe as $$
declare
digits text := trim_scale(abs(n))::text;
whole text := ltrim(split_part(digits, '.', 1), '0');
fraction text := split_part(digits, '.', 2);
exponent int := length(whole);
begin
if n = 0 then
  return '1';
end if;
if whole = '' then
  exponent := length(ltrim(fraction, '0')) - length(fraction);
end if;
digits := trim(both '0' from whole || fraction);
return case when n > 0 then '2' || 200000 + exponent || digits else '0' || 200000 - exponent || translate(digits, '0123456789', '9876543210') || '~' end;
end
$$;

-- A value as text whose bytes sort as values do: false, true, numbers, texts, times; null for what has no order. Of texts the first
-- 200 characters count. (`as_time`: the column is a timestamp.) shared/where.ts makes the same keys.
create function sort_key(value jsonb, as_time boolean) returns text language plpgsql immutable parallel safe as $$
declare
given text := value #>> '{}';
begin
case jsonb_typeof(value)
when 'number' then
  return left('n' || number_key(given::numeric), 200);
when 'string' then
  return left(coalesce(case when as_time then 't' || number_key(extract(epoch from time_of(given))) end, 's' || given), 200);
when 'boolean' then
  return 'b' || given;
else
  return null;
end case;
end
$$;

-- The fields that a table declares as indexed.
create function indexed_columns(columns jsonb) returns table (field text, as_time boolean) language sql immutable parallel safe as $$
select key, value ->> 'type' = 'timestamp'
from jsonb_each(case when jsonb_typeof(columns) = 'object' then columns else '{}' end)
where jsonb_typeof(value) = 'object' and value -> 'indexed' = 'true'
$$;

-- Keeps data_index beside the records, in the statement that writes them.
create function index_records() returns trigger language plpgsql as $$
begin
if tg_op <> 'INSERT' then
  delete from data_index d using old_rows o
  where d.organization_id = o.organization_id and d.table_id = o.table_id and d.record_id = o.id;
end if;
if tg_op <> 'DELETE' then
  insert into data_index (organization_id, table_id, field, value, record_id)
  select n.organization_id, n.table_id, i.field, k.value, n.id
  from (
    select t.organization_id, t.id as table_id, c.field, c.as_time
    from (select distinct organization_id, table_id from new_rows) w
    join data_tables t on t.organization_id = w.organization_id and t.id = w.table_id, indexed_columns(t.columns) c
  ) i
  join new_rows n on n.organization_id = i.organization_id and n.table_id = i.table_id,
    lateral (select sort_key(n.data -> i.field, i.as_time) as value offset 0) k
  where n.deleted_at is null and k.value is not null;
end if;
return null;
end
$$;
create trigger index_insert after insert on data_records referencing new table as new_rows
  for each statement execute function index_records();
create trigger index_update after update on data_records referencing old table as old_rows new table as new_rows
  for each statement execute function index_records();
create trigger index_delete after delete on data_records referencing old table as old_rows
  for each statement execute function index_records();

-- A table that declares other indexes has them made anew, of the records that are there.
create function index_table() returns trigger language plpgsql as $$
declare
was jsonb := case when tg_op = 'UPDATE' then (select jsonb_agg(c order by field) from indexed_columns(old.columns) c) end;
begin
if was is not distinct from (select jsonb_agg(c order by field) from indexed_columns(new.columns) c) then
  return null;
end if;
delete from data_index where organization_id = new.organization_id and table_id = new.id;
insert into data_index (organization_id, table_id, field, value, record_id)
select r.organization_id, r.table_id, i.field, k.value, r.id
from indexed_columns(new.columns) i, data_records r, lateral (select sort_key(r.data -> i.field, i.as_time) as value offset 0) k
where r.organization_id = new.organization_id and r.table_id = new.id and r.deleted_at is null and k.value is not null;
return null;
end
$$;
create trigger index_table after insert or update on data_tables for each row execute function index_table();

-- Refuses a request, for what stands at `at_path` in it. `code` is one of AH400, AH404, AH411 (conflict) and AH412.
create function refuse(code text, message text, at_path text) returns text language plpgsql as $$
begin
raise exception using errcode = code, message = refuse.message,
  detail = case when at_path <> '' then jsonb_build_array(jsonb_build_object('path', at_path, 'message', refuse.message))::text else '' end;
end
$$;

-- The table, which must be there.
create function data_table(organization text, name text, at_path text default '') returns data_tables language plpgsql stable as $$
declare
row_found data_tables;
begin
select * into row_found from data_tables where organization_id = organization and id = name and deleted_at is null;
if not found then
  perform refuse('AH404', 'there is no table ' || name, at_path);
end if;
return row_found;
end
$$;

-- Writers of records hold this lock shared, whoever changes or removes their table holds it alone: no record is written by columns
-- that are no more, and none is left behind. (The lock of Postgres's memory: a row lock would write the row for every writer.)
create function table_lock(organization text, name text) returns bigint language sql immutable parallel safe
return hashtextextended(name, hashtextextended(organization, 12));

-- The same for a writer of its records; a function of its own, volatile, so that the row is read after the lock.
create function writable_table(organization text, name text, at_path text default '') returns data_tables language plpgsql as $$
begin
perform pg_advisory_xact_lock_shared(table_lock(organization, name));
return data_table(organization, name, at_path);
end
$$;

-- Whether the records of a removed table go with it, in its transaction. In the stages that hold a memory each of them must be told by
-- its key, before its table goes: here none may be left. (What Postgres has of them in the stage off is not what is served.)
create function records_go_along(organization text, name text) returns boolean language plpgsql as $$
declare
present text;
begin
perform pg_advisory_xact_lock_shared(migration_lock('database'));
select stage into present from migration_stages where collection = 'database';
if present in ('dualwrite', 'shadow', 'live')
  and exists (select from data_records where organization_id = organization and table_id = name and deleted_at is null) then
  raise exception 'records of % were written meanwhile', name using errcode = '55P03';
end if;
return coalesce(present in ('rampdown', 'complete'), true);
end
$$;

-- What is wrong with a record's data, by its table's columns: [{ path, message }], or null. Any field may be null.
-- `also` are the keys of records that the same request makes: they may be referred to.
create function data_problems(organization text, columns jsonb, strict boolean, data jsonb, also text[]) returns jsonb
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
    when type in ('reference', 'string', 'uuid') and record_key(columns -> key ->> 'references', text) <> all (also) and not exists (
      select from data_records r
      where r.organization_id = organization and r.id = record_key(columns -> key ->> 'references', text) and r.deleted_at is null)
      then format('there is no record %s in %s', text, columns -> key ->> 'references')
  end as problem) p
where problem is not null
$$;

-- The data, which must fit its table. Its faults are told at `at_path`, where it stands in the request, or at `operation`, if it is of one.
create function fitting(owner data_tables, given jsonb, at_path text, also text[], operation text default '') returns jsonb language plpgsql as $$
declare
problems jsonb;
begin
if owner.columns = '{}' and not (owner).strict then
  return given;
end if;
problems := data_problems(owner.organization_id, owner.columns, (owner).strict, given, also);
if problems is null then
  return given;
end if;
select jsonb_agg(case operation
  when '' then p || jsonb_build_object('path', at_path || '/' || (p ->> 'path'))
  else jsonb_build_object('path', operation, 'message', format('%s/%s: %s', at_path, p ->> 'path', p ->> 'message')) end)
into problems from jsonb_array_elements(problems) p;
raise exception using errcode = 'AH400', message = format('%s: %s', problems -> 0 ->> 'path', problems -> 0 ->> 'message'),
  detail = problems::text;
end
$$;

-- One change of one record: `op` is create, replace (makes it where there is none), merge or remove. `at_path` is where the
-- operation stands in the request. A removed record is free again: its tombstone comes back to life, with nothing of the old one.
create function change_record(
  organization text, table_name text, record text, op text, given jsonb, if_version bigint, at timestamptz, at_path text,
  out status int, out changed data_records
) language plpgsql as $$
declare
owner data_tables := writable_table(organization, table_name, at_path);
key text := record_key(table_name, record);
fits jsonb := case when op <> 'remove' then fitting(owner, given, 'data', array[key], at_path) end;
present data_records;
begin
loop
  select * into present from data_records where organization_id = organization and id = key for update;
  if present.id is null or present.deleted_at is not null then
    if op in ('merge', 'remove') then
      perform refuse('AH404', 'there is no record ' || record, at_path);
    elsif if_version is not null then
      perform refuse('AH412', 'there is no record ' || record || ' any more', at_path);
    end if;
    insert into data_records (organization_id, id, table_id, record_id, data, version, created_at, updated_at)
    values (organization, key, table_name, record, fits, nextval('row_version'), at, at)
    on conflict (organization_id, id) do update
    set data = excluded.data, extra = null, version = nextval('row_version'), created_at = excluded.created_at,
      updated_at = excluded.updated_at, deleted_at = null
    where data_records.deleted_at is not null
    returning * into changed;
    status := 201;
    exit when found;
  elsif op = 'create' then
    perform refuse('AH411', format('record %s exists already', record), at_path);
  elsif present.version <> if_version then
    perform refuse('AH412', format('the record is at version %s by now', present.version), at_path);
  else
    update data_records
    set data = case op when 'replace' then fits when 'merge' then data || fits else data end,
      deleted_at = case when op = 'remove' then at end, version = nextval('row_version'), updated_at = at
    where organization_id = organization and id = key
    returning * into changed;
    status := case when op = 'remove' then 204 else 200 end;
    exit;
  end if;
end loop;
end
$$;

-- Several changes in their order, all or none: [{ op, table, id, data?, if_version? }].
create function change_records(organization text, operations jsonb, at timestamptz)
returns table (status int, id text, version bigint) language plpgsql as $$
declare
operation jsonb;
n int := 0;
done record;
begin
for operation in select o from jsonb_array_elements(operations) with ordinality e (o, place) order by place loop
  done := change_record(organization, operation ->> 'table', operation ->> 'id', operation ->> 'op', operation -> 'data',
    (operation ->> 'if_version')::bigint, at, 'operations/' || n);
  status := done.status;
  id := (done.changed).record_id;
  version := (done.changed).version;
  return next;
  n := n + 1;
end loop;
end
$$;

-- The keys of the records that a filter can match, where they are few (`most`); null where no index tells, or too many match.
-- `ranges`: [{ field, values } or { field, from?, to? }], each of which must hold; `containing`: of each list one must be contained.
-- A definer's function: row-level security would let no index look into jsonb. It looks at the scope's organization alone.
create policy finder on data_records for select to agenthub_owner using (true);
create policy finder on data_index for select to agenthub_owner using (true);
create function record_candidates(table_name text, columns jsonb, ranges jsonb, containing jsonb, most int) returns text[]
language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
wanted record;
given jsonb;
alternatives jsonb[];
found_keys text[];
begin
for wanted in
  select i.field, r -> 'values' as list, array(select sort_key(v, i.as_time) from jsonb_array_elements(r -> 'values') v) as keys,
    coalesce(b.low, left(b.high, 1)) as low, coalesce(b.high, left(b.low, 1) || '~') as high
  from jsonb_array_elements(ranges) r join indexed_columns(columns) i on i.field = r ->> 'field',
    lateral (select sort_key(r -> 'from', i.as_time) as low, sort_key(r -> 'to', i.as_time) as high) b
  order by r ? 'values' desc
loop
  if wanted.list is not null then
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
revoke execute on function record_candidates from public;
grant execute on function record_candidates to agenthub_app, agenthub_jobs;

reset role;
