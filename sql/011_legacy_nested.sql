-- 011_legacy_nested: what a dictionary of lists or of dictionaries held under a key that held nothing.
-- Needs 008_legacy. Safe while functions serve: adds a table only.
-- A platform table: no row-level security; agenthub_jobs alone has a grant. `organization` is '' where nothing told it.

set local role agenthub_owner;

create table migration_empty (
  collection text collate "C" not null,
  organization text collate "C" not null,
  key text collate "C" not null check (char_length(key) between 1 and 200),
  primary key (collection, organization, key)
);
grant select, insert, delete on migration_empty to agenthub_jobs;

reset role;
