-- 052_agent_totals_filled: the totals of 051 for what was rolled up before them.
-- Needs 051_agent_totals. Safe while functions serve: who rolls events up waits until it is done, who writes or reads them does not.
-- Apart from 051, whose trigger lets writers wait until its transaction ends: this one lasts for seconds a million events.

set local role agenthub_owner;
lock table event_rollups in share row exclusive mode;

-- across organizations, as the owner may not; the rollups hold what the trigger has added since as well
set local role agenthub_jobs;
delete from event_agent_totals;
select add_agent_totals(array_agg(row(organization_id, '', hour + (i - 1) * interval '15 minutes', event_type, agent_id, q, 0, now(), now())::event_deltas))
from event_rollups, unnest(quarters) with ordinality u (q, i)
where q <> 0
group by organization_id, date_bin('1 day', hour, 'epoch');

reset role;
