-- 050_newest_hits: the newest records in a range are met at a lower cost for each week that has none.
-- Needs 038_newest_hits. Safe while functions serve: the function is replaced under its own name and meaning.
--
-- Two statements were run for every week between the newest records and those of the range: of a million records, made one a minute, a
-- hundred weeks, which took longer than all else. Now it is one statement, which looks into the index once a week.

set local role agenthub_owner;

create or replace function newest_hits(
  table_name text, columns jsonb, ranges jsonb, after_at timestamptz, after_key text, most int,
  out keys text[], out end_at timestamptz, out end_key text
) language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
organization text := scope_organization();
wanted record;
times timestamptz[];
begin
keys := '{}';
end_at := after_at;
end_key := after_key;
select i.field, b.* into wanted
from jsonb_array_elements(ranges) r join indexed_columns(columns) i on i.field = r ->> 'field', key_range(r, i.as_time) b
order by r ? 'values' desc
limit 1;
if not found then
  return;
end if;
-- The last entry up to the range's end in a week: of that week, then it is in the range or before it and an earlier week is next; or
-- of an earlier one, then that one is next unless the entry tells of it already.
with recursive seen (week, value, next_week) as (
  select null::timestamptz, null::text collate "C", week_of(after_at)
  union all
  select d.week, d.value, case when d.value <= wanted.high then d.week - interval '7 days' else d.week end
  from seen s, lateral (
    select week_of(created_at) as week, value from data_index
    where organization_id = organization and table_id = table_name and field = wanted.field
      and (week_of(created_at), value) <= (s.next_week, wanted.high)
    order by week_of(created_at) desc, value desc
    limit 1) d
)
select array_agg(h.record_id), array_agg(h.created_at) into keys, times
from (
  select h.* from seen s, lateral (
    select record_id, created_at from data_index
    where wanted.keys is null and organization_id = organization and table_id = table_name and field = wanted.field
      and week_of(created_at) = s.week and value >= wanted.low and value <= wanted.high and (created_at, record_id) < (after_at, after_key)
    union all
    select record_id, created_at from data_index
    where organization_id = organization and table_id = table_name and field = wanted.field
      and week_of(created_at) = s.week and value = any (wanted.keys) and (created_at, record_id) < (after_at, after_key)
    order by created_at desc, record_id desc
    limit most) h
  where s.value >= wanted.low and s.value <= wanted.high
  limit most) h; -- as the weeks come, so do these: no week is looked into behind the last that is wanted
keys := coalesce(keys, '{}');
end_at := times[most];
end_key := keys[most];
end
$$;

reset role;
