import { jsonOf } from '../../shared/db/rows.ts'
import type { ReplicaSql } from '../../shared/migration/postgres.ts'

const message = jsonOf(`m.id, m.organization_id, m.conversation_id, m.number, m.role, m.content, m.metadata, m.extra,
  m.version, iso(m.created_at) as created_at, iso(m.updated_at) as updated_at`)

const conversation = jsonOf(`id, organization_id, agent_id, metadata, extra, iso(created_at) as created_at, iso(updated_at) as updated_at,
  (select coalesce(json_agg(${message}::json order by m.number), '[]') from messages m
   where m.organization_id = conversations.organization_id and m.conversation_id = conversations.id) as messages`)

/** Whole conversations, their messages inside them. */
export const conversationReplica: ReplicaSql = {
  entries: `select organization_id, id, version, deleted_at is not null as deleted, ${conversation} as json from conversations`,
  restore: [
    `insert into conversations
  (organization_id, id, agent_id, metadata, message_count, extra, version, created_at, updated_at, deleted_at)
select e ->> 'organization_id', e ->> 'id', e ->> 'agent_id', e -> 'metadata', jsonb_array_length(e -> 'messages'),
  nullif(e -> 'extra', 'null'), nextval('row_version'), (e ->> 'created_at')::timestamptz, (e ->> 'updated_at')::timestamptz,
  case when (e ->> 'deleted')::boolean then (e ->> 'updated_at')::timestamptz end
from jsonb_array_elements($1::jsonb) e
on conflict (organization_id, id) do update
set agent_id = excluded.agent_id, metadata = excluded.metadata, message_count = excluded.message_count, extra = excluded.extra,
  version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`,
    `delete from messages
where (organization_id, conversation_id) in (select e ->> 'organization_id', e ->> 'id' from jsonb_array_elements($1::jsonb) e)`,
    `insert into messages
  (organization_id, id, conversation_id, number, role, content, metadata, extra, version, created_at, updated_at)
select m ->> 'organization_id', m ->> 'id', e ->> 'id', (m ->> 'number')::int, m ->> 'role', m ->> 'content', m -> 'metadata',
  nullif(m -> 'extra', 'null'), nextval('row_version'), (m ->> 'created_at')::timestamptz, (m ->> 'updated_at')::timestamptz
from jsonb_array_elements($1::jsonb) e, jsonb_array_elements(e -> 'messages') m
where not (e ->> 'deleted')::boolean`,
  ],
}
