-- 003_organizations: organizations, their users, API keys and sessions, and how a caller is told from a stranger.
-- Needs 002_audit. Safe while functions serve: adds tables and functions only.

set local role agenthub_owner;

-- `organization_id` repeats `id`, so that policies, audit and distribution treat this table like every other.
create table organizations (
  organization_id text collate "C" not null generated always as (id) stored,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  name text not null check (char_length(name) between 1 and 255),
  settings jsonb not null default '{}',
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (organization_id, id)
);

create table users (
  organization_id text collate "C" not null,
  id text collate "C" not null check (char_length(id) between 1 and 200),
  email text not null check (char_length(email) between 3 and 255),
  name text check (char_length(name) <= 255),
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  status text not null default 'active' check (status in ('active', 'suspended')),
  password_hash text,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, organization_id) references organizations (organization_id, id)
);
create unique index users_email on users (lower(email));
create index users_newest on users (organization_id, created_at desc, id desc);

-- A key belongs to the user whose session or key made it (or to nobody): it stops with that user, and never outranks him.
create table api_keys (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  user_id text collate "C",
  name text not null check (char_length(name) between 1 and 255),
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  prefix text not null,
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, user_id) references users (organization_id, id)
);
create unique index api_keys_secret on api_keys (organization_id, secret_hash);
create index api_keys_newest on api_keys (organization_id, created_at desc, id desc);
create index api_keys_user on api_keys (organization_id, user_id);

create table sessions (
  organization_id text collate "C" not null,
  id text collate "C" not null,
  user_id text collate "C" not null,
  token_hash bytea not null check (octet_length(token_hash) = 32),
  sliding interval not null,
  expires_at timestamptz not null,
  absolute_expires_at timestamptz not null,
  last_used_at timestamptz,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (organization_id, id),
  foreign key (organization_id, user_id) references users (organization_id, id)
);
create unique index sessions_token on sessions (organization_id, token_hash);
create index sessions_user on sessions (organization_id, user_id);

select make_tenant_table('organizations'), make_tenant_table('users'), make_tenant_table('api_keys'), make_tenant_table('sessions');
select
  make_audited('organizations', 'organization'),
  make_audited('users', 'user', '{password_hash}'),
  make_audited('api_keys', 'api_key', '{secret_hash}', '{last_used_at}'),
  make_audited('sessions', 'session', '{token_hash}', '{last_used_at,expires_at}');

-- Opens a transaction's scope for the platform itself (admin key, service account, login).
create function enter_scope(organization text, actor text, context text, valid_until timestamptz default null) returns void language plpgsql as $$
declare
done text;
begin
if clock_timestamp() >= valid_until then
  raise exception 'the stage must be asked for again' using errcode = 'AH410';
end if;
done := set_config('app.organization_id', organization, true);
done := set_config('app.actor', actor, true);
done := set_config('app.role', 'owner', true);
done := set_config('app.user_id', '', true);
done := set_config('app.context', context, true);
end
$$;

-- The first statement of every tenant batch: checks the key or session token by its hash, and opens the scope.
-- Raises AH401 for an unknown, expired, revoked or orphaned credential and AH403 for one that ranks below `least_role`;
-- either ends the batch, so that nothing after it runs; AH410 once `valid_until` (by this server's clock) is over.
-- Its use is noted at most once a minute, and never waited for.
-- Most of it is expressions of the two queries and not statements of their own: each statement costs every request some 4 us.
create function authenticate(organization text, hash bytea, least_role text, context text, valid_until timestamptz default null)
returns void language plpgsql as $$
declare
done text;
caller record;
begin
if clock_timestamp() >= valid_until then
  raise exception 'the stage must be asked for again' using errcode = 'AH410';
end if;
done := set_config('app.organization_id', organization, true);
select
  'key' as kind, k.id, coalesce(k.user_id, '') as user_id, coalesce(k.last_used_at < now() - interval '1 minute', true) as unnoted,
  role_of(least(role_rank(k.role), role_rank(u.role))) as role,
  least(role_rank(k.role), role_rank(u.role)) < role_rank(least_role) as outranked
into caller
from api_keys k
join organizations o on o.organization_id = k.organization_id and o.id = k.organization_id and o.deleted_at is null
left join users u on u.organization_id = k.organization_id and u.id = k.user_id
where k.organization_id = organization and k.secret_hash = hash and k.revoked_at is null
  and (k.expires_at is null or k.expires_at > now()) and (k.user_id is null or u.status = 'active');
if not found then
  select
    'session' as kind, s.id, s.user_id, coalesce(s.last_used_at < now() - interval '1 minute', true) as unnoted,
    u.role, role_rank(u.role) < role_rank(least_role) as outranked
  into caller
  from sessions s
  join organizations o on o.organization_id = s.organization_id and o.id = s.organization_id and o.deleted_at is null
  join users u on u.organization_id = s.organization_id and u.id = s.user_id and u.status = 'active'
  where s.organization_id = organization and s.token_hash = hash and s.expires_at > now() and s.absolute_expires_at > now();
  if not found then
    raise exception 'the credential is unknown, expired or revoked' using errcode = 'AH401';
  end if;
end if;
if caller.outranked then
  raise exception 'this needs the role % or higher', least_role using errcode = 'AH403';
end if;
done := concat(
  set_config('app.actor', caller.kind || ':' || caller.id, true),
  set_config('app.role', caller.role, true),
  set_config('app.user_id', caller.user_id, true),
  set_config('app.context', context, true)
);
if caller.unnoted then
  perform note_use(organization, caller.kind, caller.id);
end if;
end
$$;

create function note_use(organization text, kind text, credential text) returns void language plpgsql as $$
begin
if kind = 'key' then
  update api_keys set last_used_at = now(), version = nextval('row_version')
  where (organization_id, id) in
    (select organization_id, id from api_keys where organization_id = organization and id = credential for no key update skip locked);
else
  update sessions set last_used_at = now(), expires_at = now() + sliding, version = nextval('row_version')
  where (organization_id, id) in
    (select organization_id, id from sessions where organization_id = organization and id = credential for no key update skip locked);
end if;
end
$$;

-- Refuses to let a caller make or touch what outranks him.
create function require_rank(role text) returns void language plpgsql as $$
begin
if role_rank(role) > role_rank(nullif(current_setting('app.role', true), '')) then
  raise exception 'this needs the role % or higher', role using errcode = 'AH403';
end if;
end
$$;

-- The only look across organizations: whose e-mail address this is. The owner role cannot log in, and reads users through this alone.
create policy login on users for select to agenthub_owner using (true);
create policy login on organizations for select to agenthub_owner using (true);
create function find_login(address text) returns table (organization_id text, user_id text, password_hash text)
language sql stable security definer set search_path = public, pg_temp as $$
select u.organization_id, u.id, u.password_hash
from users u
join organizations o on o.organization_id = u.organization_id and o.id = u.organization_id and o.deleted_at is null
where lower(u.email) = lower(address) and u.status = 'active'
$$;
revoke execute on function find_login from public;
grant execute on function find_login to agenthub_app;

reset role;
