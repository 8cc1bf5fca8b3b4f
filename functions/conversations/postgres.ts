import type { Columns } from '../../shared/db/batch.ts'
import type { Database } from '../../shared/db/database.ts'
import { changedRow, jsonOf, NEWEST, oneRow, orLeft, stamps, toPage } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import { postgresMessages } from './messages.postgres.ts'
import type { Conversation } from './schema.ts'
import { type ConversationStore, unknownAgent } from './store.ts'

const json = jsonOf(`id, organization_id, agent_id, metadata, message_count, ${stamps}`)

const get = `select id, version, ${json} from conversations
where organization_id = $1 and id = $2 and deleted_at is null`

const list = `select id, version, ${json}, iso(created_at), id from conversations
where organization_id = $1 and deleted_at is null
  and (created_at, id) < ($3::timestamptz, $4)
  and ($5::text is null or agent_id = $5)
order by created_at desc, id desc
limit $2::int + 1`

/** A conversation that names an unknown agent answers the one row that has no id. */
const create = `with agent as (
  select from agents where organization_id = $1 and id = $3 and deleted_at is null
), made as (
  insert into conversations (organization_id, id, agent_id, metadata, message_count, version, created_at, updated_at)
  select $1, $2, $3, $4::jsonb, jsonb_array_length($5::jsonb), nextval('row_version'), $6, $6 from agent
  on conflict (organization_id, id) do update
  set agent_id = excluded.agent_id, metadata = excluded.metadata, message_count = excluded.message_count, extra = null,
    version = nextval('row_version'), created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = null
  where conversations.deleted_at is not null
  returning *
), said as (
  insert into messages (organization_id, id, conversation_id, number, role, content, metadata, version, created_at, updated_at)
  select $1, m ->> 'id', made.id, number, m ->> 'role', m ->> 'content', m -> 'metadata', nextval('row_version'), $6, $6
  from made, jsonb_array_elements($5::jsonb) with ordinality given (m, number)
)
select id, version, ${json} from made
union all
select null, null, null where not exists (select from agent)`

/** An agent is looked up only when the patch names one. */
const update = `with agent as (
  select where not $5::jsonb ? 'agent_id'
  union all
  select from agents where organization_id = $1 and id = $5::jsonb ->> 'agent_id' and deleted_at is null
), changed as (
  update conversations
  set agent_id = coalesce($5::jsonb ->> 'agent_id', agent_id), metadata = coalesce($5::jsonb -> 'metadata', metadata),
    version = nextval('row_version'), updated_at = $4
  where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version) and exists (select from agent)
  returning id, version, ${json} as json
)
select id, version, json from changed
union all
select null, null, null where not exists (select from agent)
union all
select id, version, null from conversations
where organization_id = $1 and id = $2 and deleted_at is null and exists (select from agent) and not exists (select from changed)`

const remove = orLeft(
  'conversations',
  `update conversations
set deleted_at = $4, updated_at = $4, message_count = 0, version = nextval('row_version')
where organization_id = $1 and id = $2 and deleted_at is null and version = coalesce($3, version)
returning id, version, ${json} as json`,
)

const removeMessages = `delete from messages
where organization_id = $1 and conversation_id = $2
  and exists (select from conversations where organization_id = $1 and id = $2 and deleted_at is not null)`

const namesUnknownAgent = ([row]: Columns[]) => row !== undefined && row[0] === null

/** Conversations in Postgres. */
export const postgresConversations = (db: Database): ConversationStore => ({
  ...postgresMessages(db),
  get: async (scope, id) =>
    oneRow<Conversation>(await db.read(scope, { name: 'conversations.get', text: get, values: [scope.organization_id, id] })),
  list: async (scope, slice, { agent_id }) => {
    const values = [scope.organization_id, slice.limit, ...(slice.after ?? NEWEST), agent_id ?? null]
    const planned = agent_id === undefined ? 'once' : undefined // those of an agent have an index of their own
    return toPage<Conversation>(await db.read(scope, { name: 'conversations.list', text: list, values, planned }), slice)
  },
  create: async (scope, { id, agent_id, metadata, messages, at }) => {
    const values = [scope.organization_id, id, agent_id, stringify(metadata), stringify(messages), at]
    const rows = await db.write(scope, { name: 'conversations.create', text: create, values })
    return namesUnknownAgent(rows) ? unknownAgent : oneRow<Conversation>(rows)
  },
  update: async (scope, id, patch, at, ifMatch) => {
    const values = [scope.organization_id, id, ifMatch ?? null, at, stringify(patch)]
    const rows = await db.write(scope, { name: 'conversations.update', text: update, values })
    return namesUnknownAgent(rows) ? unknownAgent : changedRow<Conversation>(rows)
  },
  remove: async (scope, id, at, ifMatch) => {
    const { organization_id } = scope
    const [rows] = await db.writeAll(
      scope,
      { name: 'conversations.remove', text: remove, values: [organization_id, id, ifMatch ?? null, at] },
      { name: 'conversations.remove_messages', text: removeMessages, values: [organization_id, id] },
    )
    return changedRow<Conversation>(rows ?? [])
  },
})
