import type { Scope } from '../../shared/db/scope.ts'
import { stringify } from '../../shared/json.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Conversation, Message } from './schema.ts'
import { type ConversationStore, type NewMessage, unknownAgent } from './store.ts'

type Said = Message & { extra?: unknown }
/** A conversation as it is kept, its messages inside it. */
type Kept = Omit<Conversation, 'version' | 'message_count'> & { extra?: unknown; messages: Said[] }
export type ConversationTable = Table<Kept, Conversation>

export const conversationTable = (): ConversationTable =>
  makeTable({
    render: ({ messages, extra: _, ...conversation }, version) => ({
      ...conversation,
      message_count: messages.length,
      version: Number(version),
    }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

const rowOf = ({ extra: _, ...message }: Said): Row<Message> => ({
  id: message.id,
  version: String(message.version),
  json: stringify(message),
})

/** Conversations in this process, as the dictionary had them. `knowsAgent` answers at once: nothing is awaited before a write. */
export const memoryConversations = (
  knowsAgent: (scope: Scope, id: string) => boolean,
  table: ConversationTable = conversationTable(),
): ConversationStore => {
  const say = ({ organization_id }: Scope, conversation_id: string, messages: NewMessage[], before: number, at: string): Message[] =>
    messages.map((message, i) => ({
      ...message,
      organization_id,
      conversation_id,
      number: before + i + 1,
      version: Number(table.nextVersion()),
      created_at: at,
      updated_at: at,
    }))

  return {
    get: async (scope, id) => table.get(scope.organization_id, id),
    list: async (scope, slice, { agent_id }) =>
      table.list(scope.organization_id, slice, one => agent_id === undefined || one.agent_id === agent_id),
    create: async (scope, { messages, at, ...conversation }) => {
      if (!knowsAgent(scope, conversation.agent_id)) return unknownAgent
      const { organization_id } = scope
      const said = say(scope, conversation.id, messages, 0, at)
      return table.create(organization_id, conversation.id, {
        ...conversation,
        organization_id,
        messages: said,
        created_at: at,
        updated_at: at,
      })
    },
    update: async (scope, id, patch, at, ifMatch) => {
      if (patch.agent_id !== undefined && !knowsAgent(scope, patch.agent_id)) return unknownAgent
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      return table.put(scope.organization_id, id, one => one && { ...one, ...given, updated_at: at }, ifMatch)
    },
    remove: async (scope, id, at, ifMatch) =>
      table.remove(scope.organization_id, id, one => ({ ...one, messages: [], updated_at: at }), ifMatch),
    append: async (scope, id, messages, at) => {
      const before = table.peek(scope.organization_id, id)?.messages
      if (before === undefined) return undefined
      const said = say(scope, id, messages, before.length, at)
      table.put(scope.organization_id, id, one => one && { ...one, messages: [...before, ...said], updated_at: at })
      return said.map(rowOf)
    },
    messages: async (scope, id, { limit, after }) => {
      const all = table.peek(scope.organization_id, id)?.messages
      if (all === undefined) return undefined
      const rest = all.filter(({ number }) => number > Number(after?.[0] ?? 0))
      const items = rest.slice(0, limit)
      return { items: items.map(rowOf), next: rest.length > limit ? [String(items.at(-1)?.number)] : undefined }
    },
  }
}
