-- 001_foundation: the roles, the version sequence, and what every tenant table is made of.
-- Needs a login that may create roles and extensions. Safe while functions serve: nothing exists before it.
--
-- agenthub_owner owns every table and runs the migrations; agenthub_app is what the functions become;
-- agenthub_jobs works across tenants. None of them can log in: a login is granted the one that it needs.

do $$
declare
role_name text;
begin
foreach role_name in array array['agenthub_owner', 'agenthub_app', 'agenthub_jobs'] loop
  begin
    execute format('create role %I nologin', role_name);
  exception when duplicate_object or unique_violation then
    null; -- roles belong to the server: another of its databases made this one
  end;
  execute format('grant %I to %I with set true', role_name, current_user);
end loop;
end
$$;

create extension if not exists btree_gin;

do $$
begin
create extension if not exists pg_stat_statements;
exception when others then
  raise notice 'pg_stat_statements is not to be had here: %', sqlerrm;
end
$$;

grant usage, create on schema public to agenthub_owner;
grant usage on schema public to agenthub_app, agenthub_jobs;

set local role agenthub_owner;

-- One sequence for every row of every table: a later write of a row always carries a larger version,
-- because each statement draws it after the row is locked.
create sequence row_version as bigint;
grant usage on sequence row_version to agenthub_app, agenthub_jobs;

-- ISO 8601 in UTC: milliseconds as JavaScript writes them, microseconds only where they were given.
create function iso(at timestamptz) returns text language sql stable parallel safe
return to_char(
  at at time zone 'UTC',
  case when date_trunc('milliseconds', at) = at then 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"' else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end
);

create function role_rank(role text) returns int language sql immutable parallel safe
return array_position(array['viewer', 'member', 'admin', 'owner'], role);
create function role_of(rank int) returns text language sql immutable parallel safe
return (array['viewer', 'member', 'admin', 'owner'])[rank];

-- The organization that the present transaction may see: null without a scope, and null equals nothing.
-- (After a commit the setting is '', not null.)
create function scope_organization() returns text language sql stable parallel safe
return nullif(current_setting('app.organization_id', true), '');

-- The step that no tenant table may forget: forced row-level security, its two policies, its grants.
create function make_tenant_table(target regclass) returns void language plpgsql as $$
begin
execute format('alter table %s enable row level security', target);
execute format('alter table %s force row level security', target);
execute format(
  'create policy tenant on %s to agenthub_app
   using (organization_id = nullif(current_setting(''app.organization_id'', true), ''''))
   with check (organization_id = nullif(current_setting(''app.organization_id'', true), ''''))', target);
execute format('create policy jobs on %s to agenthub_jobs using (true) with check (true)', target);
execute format('grant select, insert, update, delete on %s to agenthub_app, agenthub_jobs', target);
end
$$;

reset role;
