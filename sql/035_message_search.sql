-- 035_message_search: messages are found by their words' index. Row-level security would let none look into a tsvector, so that a search
-- read every message of the organization.
-- Needs 006_conversations. Safe while functions serve: adds a policy and a function only.

set local role agenthub_owner;

-- The `most` messages of the scope's organization that match best, behind a place in that order (`after_score`, `after_id`); ranked by
-- ts_rank with the logarithm of the length (flag 1). A definer's function: it looks at the scope's organization alone.
create policy finder on messages for select to agenthub_owner using (true);
create function message_hits(asked tsquery, after_score float4, after_id text, most int) returns table (id text, score float4)
language sql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
select id, score from (
  select m.id, ts_rank(m.search, asked, 1)::float4 as score from messages m
  where m.organization_id = scope_organization() and m.search @@ asked
) found
where (score, id) < (coalesce(after_score, 'infinity'), coalesce(after_id, ''))
order by score desc, id desc
limit most
$$;
revoke execute on function message_hits from public;
grant execute on function message_hits to agenthub_app;

reset role;
