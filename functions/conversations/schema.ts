import { z } from 'zod'
import { Id, JsonObject, recordFields } from '../../shared/shapes.ts'

export const MessageRole = z.enum(['user', 'assistant', 'system', 'tool'])

export const Message = z.object({
  ...recordFields,
  conversation_id: z.string(),
  number: z.number().int(),
  role: MessageRole,
  content: z.string(),
  metadata: JsonObject,
})
export type Message = z.infer<typeof Message>

export const MessageCreate = z.strictObject({ role: MessageRole, content: z.string(), metadata: JsonObject.optional() })
export type MessageCreate = z.infer<typeof MessageCreate>

export const Conversation = z.object({
  ...recordFields,
  agent_id: z.string().nullable(),
  metadata: JsonObject,
  message_count: z.number().int(),
})
export type Conversation = z.infer<typeof Conversation>

const Messages = z.array(MessageCreate).max(1000)

export const ConversationCreate = z.strictObject({
  id: Id.optional(),
  agent_id: Id,
  metadata: JsonObject.optional(),
  messages: Messages.optional(),
})
export const ConversationPatch = z.strictObject({ agent_id: Id, metadata: JsonObject }).partial()
export type ConversationPatch = z.infer<typeof ConversationPatch>

export const ConversationFilter = z.strictObject({ agent_id: z.string() }).partial()

/** One message, or several. */
export const MessagesCreate = z.union([z.strictObject({ messages: Messages.min(1) }), MessageCreate])
export const MessagesCreated = z.union([Message, z.object({ items: z.array(Message) })])

export const SearchQuery = z.strictObject({ q: z.string().min(1).max(1000) })
/** `highlight` is HTML-escaped, with the words found in <mark>. */
export const Hit = z.object({
  conversation_id: z.string(),
  number: z.number().int(),
  role: MessageRole,
  content: z.string(),
  highlight: z.string(),
  score: z.number(),
})
export type Hit = z.infer<typeof Hit>
