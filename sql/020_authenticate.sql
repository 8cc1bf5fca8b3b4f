-- 020_authenticate: the same check of a key or session token as before, at half its cost to every request.
-- Needs 003_organizations. Safe while functions serve: the function is replaced under its own name and meaning.

set local role agenthub_owner;

-- The first statement of every tenant batch: checks the key or session token by its hash, and opens the scope.
-- Raises AH401 for an unknown, expired, revoked or orphaned credential and AH403 for one that ranks below `least_role`;
-- either ends the batch, so that nothing after it runs and nothing set here lasts; AH410 once `valid_until` (by this server's
-- clock) is over. Its use is noted at most once a minute, and never waited for.
-- One query for a key and one more for a session, each of which sets the scope itself: every further statement, record or
-- expression of plpgsql costs each request some microseconds.
create or replace function authenticate(organization text, hash bytea, least_role text, context text, valid_until timestamptz default null)
returns void language plpgsql as $$
declare
done text;
kind text := 'key';
credential text;
rank int;
unnoted boolean;
begin
if clock_timestamp() >= valid_until then
  raise exception 'the stage must be asked for again' using errcode = 'AH410';
end if;
done := set_config('app.organization_id', organization, true);
select
  k.id, least(role_rank(k.role), role_rank(u.role)), (k.last_used_at > now() - interval '1 minute') is not true,
  concat(
    set_config('app.actor', 'key:' || k.id, true),
    set_config('app.role', role_of(least(role_rank(k.role), role_rank(u.role))), true),
    set_config('app.user_id', coalesce(k.user_id, ''), true),
    set_config('app.context', context, true)
  )
into credential, rank, unnoted, done
from api_keys k
join organizations o on o.organization_id = k.organization_id and o.id = k.organization_id and o.deleted_at is null
left join users u on u.organization_id = k.organization_id and u.id = k.user_id
where k.organization_id = organization and k.secret_hash = hash and k.revoked_at is null
  and (k.expires_at is null or k.expires_at > now()) and (k.user_id is null or u.status = 'active');
if not found then
  kind := 'session';
  select
    s.id, role_rank(u.role), (s.last_used_at > now() - interval '1 minute') is not true,
    concat(
      set_config('app.actor', 'session:' || s.id, true),
      set_config('app.role', u.role, true),
      set_config('app.user_id', s.user_id, true),
      set_config('app.context', context, true)
    )
  into credential, rank, unnoted, done
  from sessions s
  join organizations o on o.organization_id = s.organization_id and o.id = s.organization_id and o.deleted_at is null
  join users u on u.organization_id = s.organization_id and u.id = s.user_id and u.status = 'active'
  where s.organization_id = organization and s.token_hash = hash and s.expires_at > now() and s.absolute_expires_at > now();
  if not found then
    raise exception 'the credential is unknown, expired or revoked' using errcode = 'AH401';
  end if;
end if;
if rank < role_rank(least_role) then
  raise exception 'this needs the role % or higher', least_role using errcode = 'AH403';
end if;
if unnoted then
  perform note_use(organization, kind, credential);
end if;
end
$$;

reset role;
