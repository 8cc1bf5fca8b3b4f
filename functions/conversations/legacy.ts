import type { Collection } from '../../shared/db/legacy.ts'

/** `conversations`: key -> conversation, with its messages in order. */
export const conversations: Collection = {
  name: 'conversations',
  table: 'conversations',
  entry: {
    id: 'id',
    fields: [
      { field: 'agent_id', column: 'agent_id', type: 'text' },
      { field: 'metadata', column: 'metadata', type: 'json', absent: "'{}'" },
      { field: 'started_at', column: 'created_at', type: 'time' },
      { field: 'updated_at', column: 'updated_at', type: 'time' },
    ],
    children: {
      field: 'messages',
      table: 'messages',
      parent: 'conversation_id',
      number: 'number',
      count: 'message_count',
      fields: [
        { field: 'role', column: 'role', type: 'text', required: true },
        { field: 'content', column: 'content', type: 'text', required: true },
        { field: 'metadata', column: 'metadata', type: 'json', absent: "'{}'" },
        { field: 'at', column: 'created_at', type: 'time' },
      ],
    },
  },
}
