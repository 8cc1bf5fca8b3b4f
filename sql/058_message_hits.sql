-- 058_message_hits: a message that matches is ranked once.
-- Needs 035_message_search. Safe while functions serve: a function is replaced under its own name and meaning, and an index, which is locked
-- for a moment, keeps less of what was just written in the list that every search reads whole (up to 4 MB, were it not said).
--
-- The rank was worked out for the place in the order, and again for the order.

set local role agenthub_owner;

alter index messages_search set (gin_pending_list_limit = 256);

-- The `most` messages of the scope's organization that match best, behind a place in that order (`after_score`, `after_id`); ranked by
-- ts_rank with the logarithm of the length (flag 1). A definer's function: it looks at the scope's organization alone.
create or replace function message_hits(asked tsquery, after_score float4, after_id text, most int) returns table (id text, score float4)
language sql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_custom_plan as $$
select id, score from (
  select m.id, ts_rank(m.search, asked, 1)::float4 as score from messages m
  where m.organization_id = scope_organization() and m.search @@ asked
  offset 0
) found
where (score, id) < (coalesce(after_score, 'infinity'), coalesce(after_id, ''))
order by score desc, id desc
limit most
$$;

reset role;
