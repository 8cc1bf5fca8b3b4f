import type { Scope } from '../../shared/db/scope.ts'
import type { Json } from '../../shared/json.ts'
import type { Methods } from '../../shared/migration/ports.ts'
import type { Page, Row, Slice } from '../../shared/record.ts'
import type { Conversation, ConversationPatch, Hit, Message } from './schema.ts'

export type NewMessage = { id: string; role: Message['role']; content: string; metadata: { [key: string]: Json } }
export type NewConversation = { id: string; agent_id: string; metadata: { [key: string]: Json }; messages: NewMessage[]; at: string }

/** What stands in a conversation's place when it names an agent that is not there. */
export const unknownAgent = Symbol('unknown agent')

/** Conversations and their messages. Throws version_mismatch when `ifMatch` is not the record's version. */
export type ConversationStore = {
  get(scope: Scope, id: string): Promise<Row<Conversation> | undefined>
  /** Newest first. */
  list(scope: Scope, slice: Slice, filter: { agent_id?: string | undefined }): Promise<Page<Conversation>>
  /** With its first messages. Undefined when the id is taken. */
  create(scope: Scope, conversation: NewConversation): Promise<Row<Conversation> | undefined | typeof unknownAgent>
  update(
    scope: Scope,
    id: string,
    patch: ConversationPatch,
    at: string,
    ifMatch: string | undefined,
  ): Promise<Row<Conversation> | undefined | typeof unknownAgent>
  /** The tombstone of what was removed; its messages are gone. */
  remove(scope: Scope, id: string, at: string, ifMatch: string | undefined): Promise<Row<Conversation> | undefined>
  /** Appends messages in their order, numbered from the last one on. Undefined when there is no such conversation. */
  append(scope: Scope, id: string, messages: NewMessage[], at: string): Promise<Row<Message>[] | undefined>
  /** By number, upwards. Undefined when there is no such conversation. */
  messages(scope: Scope, id: string, slice: Slice): Promise<Page<Message> | undefined>
}

/** Search is Postgres's alone. */
export type ConversationSearch = {
  /** Messages that hold any of the words, best first; a quoted phrase must stand as it is. */
  search(scope: Scope, q: string, slice: Slice): Promise<Page<Hit>>
}

const itself = (id: string): string => id

/** Every method works on the entry of its conversation, messages included, as the dictionary had them. */
export const conversationMethods: Methods<ConversationStore> = {
  get: { kind: 'read', key: itself },
  list: { kind: 'read' },
  messages: { kind: 'read', key: itself },
  create: { kind: 'write', key: (conversation: NewConversation) => conversation.id },
  update: { kind: 'write', key: itself },
  remove: { kind: 'write', key: itself },
  append: { kind: 'write', key: itself },
}
