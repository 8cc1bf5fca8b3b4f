import type { Database } from '../../shared/db/database.ts'
import { jsonOf, stamps, toPage, toRow } from '../../shared/db/rows.ts'
import { stringify } from '../../shared/json.ts'
import type { Message } from './schema.ts'
import type { ConversationStore } from './store.ts'

const json = jsonOf(`id, organization_id, conversation_id, number, role, content, metadata, ${stamps}`)

/** The conversation's row is locked by its update, so that numbers have neither gaps nor doubles. */
const append = `with counted as (
  update conversations
  set message_count = message_count + jsonb_array_length($3::jsonb), updated_at = $4, version = nextval('row_version')
  where organization_id = $1 and id = $2 and deleted_at is null
  returning message_count - jsonb_array_length($3::jsonb) as before
), said as (
  insert into messages (organization_id, id, conversation_id, number, role, content, metadata, version, created_at, updated_at)
  select $1, m ->> 'id', $2, before + number, m ->> 'role', m ->> 'content', m -> 'metadata', nextval('row_version'), $4, $4
  from counted, jsonb_array_elements($3::jsonb) with ordinality given (m, number)
  returning *
)
select id, version, ${json} from said order by number`

/** The first row stands for the conversation itself: without it there is none. */
const messages = `select id, null, null, null from conversations where organization_id = $1 and id = $2 and deleted_at is null
union all
(select id, version::text, ${json}, number::text from messages
where organization_id = $1 and conversation_id = $2 and number > $4::int
order by messages.number
limit $3::int + 1)`

/** The messages of conversations in Postgres. */
export const postgresMessages = (db: Database): Pick<ConversationStore, 'append' | 'messages'> => ({
  append: async (scope, id, said, at) => {
    const values = [scope.organization_id, id, stringify(said), at]
    const rows = await db.write(scope, { name: 'messages.append', text: append, values })
    return rows.length === 0 ? undefined : rows.map(row => toRow<Message>(row))
  },
  messages: async (scope, id, slice) => {
    const values = [scope.organization_id, id, slice.limit, slice.after?.[0] ?? 0]
    const [conversation, ...rows] = await db.read(scope, { name: 'messages.list', text: messages, values, planned: 'once' })
    return conversation && toPage<Message>(rows, slice)
  },
})
