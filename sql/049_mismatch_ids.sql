-- 049_mismatch_ids: a difference that a whole comparison found has a number of its own: its path may be longer than a key can be.
-- Needs 007_migration. Safe while functions serve: comparisons of the version before name no conflict target, and wait for a moment.

set local role agenthub_owner;

alter table migration_mismatches
  drop constraint migration_mismatches_pkey,
  add column id bigint generated always as identity primary key;
create index migration_mismatches_run on migration_mismatches (run);

reset role;
