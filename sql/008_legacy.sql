-- 008_legacy: what moving dictionaries in from outside needs beside the tables that they go to.
-- Needs 007_migration. Safe while functions serve: adds a table and functions only.

set local role agenthub_owner;

-- The keys that a comparison in parts has met so far, a row of hashes a batch: gone with the run's last part, or after a day.
-- A platform table: no organization, no row-level security; agenthub_jobs alone has a grant.
create table migration_compared (
  run text collate "C" not null,
  part bigint generated always as identity,
  collection text collate "C" not null,
  keys bigint[] not null,
  created_at timestamptz not null default now(),
  primary key (run, collection, part)
);
create index migration_compared_age on migration_compared (created_at);
grant select, insert, delete on migration_compared to agenthub_jobs;

create function entry_hash(organization text, key text) returns bigint language sql immutable parallel safe
return hashtextextended(key, hashtextextended(organization, 0));

-- Holds a collection's stage for an import's transaction. Raises AH411 in the stages whose memory an import would go behind.
create function hold_import(name text) returns void language plpgsql as $$
declare
present text;
begin
perform pg_advisory_xact_lock_shared(migration_lock(name));
select stage into present from migration_stages where collection = name;
if present in ('dualwrite', 'shadow', 'live') then
  raise exception '% is in stage %: an import runs in off, rampdown and complete', name, present using errcode = 'AH411';
end if;
end
$$;

-- The key of an NDJSON line that is no JSON that can be stored: as text where that can be, else as its literal.
create function line_key(line text) returns text language plpgsql immutable as $$
declare
literal text := substring(line from '^\s*\{\s*"key"\s*:\s*("(?:[^"\\]|\\.)*")');
begin
return case when pg_input_is_valid(literal, 'jsonb') then literal::jsonb #>> '{}' else literal end;
end
$$;

-- Where two JSON values differ, by JSON Pointer. What one side lacks is null in SQL, which is not JSON's null.
create function jsonb_differences(a jsonb, b jsonb, at text default '') returns table (path text, source jsonb, postgres jsonb)
language plpgsql immutable as $$
begin
if a = b then
  return;
elsif jsonb_typeof(a) = 'object' and jsonb_typeof(b) = 'object' then
  return query select d.*
  from (select jsonb_object_keys(a) union select jsonb_object_keys(b)) k (key),
    jsonb_differences(a -> k.key, b -> k.key, at || '/' || replace(replace(k.key, '~', '~0'), '/', '~1')) d;
elsif jsonb_typeof(a) = 'array' and jsonb_typeof(b) = 'array' then
  return query select d.*
  from generate_series(0, greatest(jsonb_array_length(a), jsonb_array_length(b)) - 1) i, jsonb_differences(a -> i, b -> i, at || '/' || i) d;
else
  return query select at, a, b;
end if;
end
$$;

reset role;
