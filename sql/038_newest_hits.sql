-- 038_newest_hits: the newest records in a range of an indexed field, by its index alone.
-- Needs 036_record_ranges and 037_record_indexes. Safe while functions serve: who writes indexed records waits until it is done, who reads
-- does not.
--
-- Where a range holds many records, and they are old ones, a page of the newest was met behind everything that is newer. So the index
-- keeps its entries by the week of their record as well: week for week, what is in the range is met at once.

set local role agenthub_owner;
lock table data_index in share row exclusive mode;

-- across organizations, as the owner may not
set local role agenthub_jobs;
update data_index d set created_at = r.created_at
from data_records r
where r.organization_id = d.organization_id and r.id = d.record_id and d.created_at is null;

set local role agenthub_owner;

create function week_of(at timestamptz) returns timestamptz language sql immutable parallel safe
return date_bin('7 days', at, timestamptz '2000-01-01T00:00:00Z');

create index data_index_newest on data_index (organization_id, table_id, field, week_of(created_at), value) include (created_at, record_id);

-- The keys of at most `most` records that a filter can match, the newest first, among those behind a place in the table's list; and the
-- place behind which others may be, null where all are told. `ranges` as record_candidates() takes them: one of an indexed field is
-- looked into; where there is none, nothing is told of what is behind the place.
create function newest_hits(
  table_name text, columns jsonb, ranges jsonb, after_at timestamptz, after_key text, most int,
  out keys text[], out end_at timestamptz, out end_key text
) language plpgsql stable security definer set search_path = public, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
organization text := scope_organization();
wanted record;
week timestamptz := week_of(after_at);
times timestamptz[] := '{}';
found_keys text[];
found_times timestamptz[];
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
while week is not null loop
  select array_agg(h.record_id), array_agg(h.created_at), (
    select max(week_of(d.created_at)) from data_index d
    where d.organization_id = organization and d.table_id = table_name and d.field = wanted.field and week_of(d.created_at) < week)
  into found_keys, found_times, week
  from (
    select d.record_id, d.created_at from data_index d
    where d.organization_id = organization and d.table_id = table_name and d.field = wanted.field
      and week_of(d.created_at) = week and d.value >= wanted.low and d.value <= wanted.high
      and (wanted.keys is null or d.value = any (wanted.keys)) and (d.created_at, d.record_id) < (after_at, after_key)
    order by d.created_at desc, d.record_id desc
    limit most - cardinality(keys)) h;
  keys := keys || found_keys;
  times := times || found_times;
  if cardinality(keys) = most then
    end_at := times[most];
    end_key := keys[most];
    return;
  end if;
end loop;
end_at := null;
end_key := null;
end
$$;
revoke execute on function newest_hits from public;
grant execute on function newest_hits to agenthub_app, agenthub_jobs;

reset role;
