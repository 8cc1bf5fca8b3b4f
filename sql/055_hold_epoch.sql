-- 055_hold_epoch: what a write in a stage that holds a memory, or stands before one, adds to its transaction.
-- Needs 007_migration. Safe while functions serve: a function is replaced under its own name and meaning.

set local role agenthub_owner;

-- Refuses a write by an epoch that is no more, and keeps the present one until the transaction ends. The lock comes first: the row is
-- read behind whoever changes it. (An assignment is reckoned at once, where `perform` runs a statement.)
create or replace function hold_epoch(name text, expected bigint) returns void language plpgsql as $$
declare
held text;
present bigint;
begin
held := pg_advisory_xact_lock_shared(migration_lock(name));
select epoch into present from migration_stages where collection = name;
if present is distinct from expected then
  raise exception 'the epoch of % is % by now', name, present using errcode = 'AH410';
end if;
end
$$;

reset role;
