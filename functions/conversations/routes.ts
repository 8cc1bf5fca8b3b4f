import type { z } from 'zod'
import { invalid } from '../../shared/errors.ts'
import { found, made } from '../../shared/http/found.ts'
import { MANY, routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import type { Page, Row } from '../../shared/record.ts'
import { Ref } from '../../shared/shapes.ts'
import {
  Conversation,
  ConversationCreate,
  ConversationFilter,
  ConversationPatch,
  Hit,
  Message,
  type MessageCreate,
  MessagesCreate,
  MessagesCreated,
  SearchQuery,
} from './schema.ts'
import { type ConversationSearch, type ConversationStore, type NewMessage, unknownAgent } from './store.ts'

const route = routesOf<{ conversations: ConversationStore; search: ConversationSearch }>()

const withId = ({ role, content, metadata = {} }: z.output<typeof MessageCreate>): NewMessage => ({
  id: newId('msg'),
  role,
  content,
  metadata,
})

const knownAgent = <T>(answer: T | typeof unknownAgent): T => {
  if (answer === unknownAgent) throw invalid('agent_id', 'there is no such agent')
  return answer as T
}

const foundMessages = <T extends Row<Message>[] | Page<Message>>(id: string, messages: T | undefined): T => {
  if (messages === undefined) found('conversation', id, undefined)
  return messages as T
}

export const conversationRoutes = [
  route({
    method: 'post',
    path: '/',
    summary: 'Begin a conversation, with its first messages or none',
    role: 'member',
    body: ConversationCreate,
    returns: Conversation,
    status: 201,
    bodyLimit: MANY,
    handle: async ({ body, scope, now }, { conversations }) => {
      const { id = newId('cnv'), agent_id, metadata = {}, messages = [] } = body
      const made_ = await conversations.create(scope, { id, agent_id, metadata, messages: messages.map(withId), at: now })
      return made('conversation', id, knownAgent(made_))
    },
  }),
  route({
    method: 'get',
    path: '/',
    summary: 'List conversations, newest first',
    role: 'viewer',
    query: ConversationFilter,
    lists: Conversation,
    handle: ({ query, scope, slice }, { conversations }) => conversations.list(scope, slice, query),
  }),
  route({
    method: 'get',
    path: '/search',
    summary: 'Search messages: any word, best first; "a phrase" as it stands',
    role: 'viewer',
    query: SearchQuery,
    lists: Hit,
    handle: ({ query, scope, slice }, { search }) => search.search(scope, query.q, slice),
  }),
  route({
    method: 'get',
    path: '/:id',
    summary: 'Get a conversation, without its messages',
    role: 'viewer',
    params: Ref,
    returns: Conversation,
    handle: async ({ params, scope }, { conversations }) => found('conversation', params.id, await conversations.get(scope, params.id)),
  }),
  route({
    method: 'patch',
    path: '/:id',
    summary: 'Update a conversation; metadata is replaced whole',
    role: 'member',
    params: Ref,
    body: ConversationPatch,
    returns: Conversation,
    handle: async ({ params, body, scope, ifMatch, now }, { conversations }) =>
      found('conversation', params.id, knownAgent(await conversations.update(scope, params.id, body, now, ifMatch))),
  }),
  route({
    method: 'delete',
    path: '/:id',
    summary: 'Remove a conversation and its messages',
    role: 'member',
    params: Ref,
    handle: async ({ params, scope, ifMatch, now }, { conversations }) => {
      found('conversation', params.id, await conversations.remove(scope, params.id, now, ifMatch))
    },
  }),
  route({
    method: 'post',
    path: '/:id/messages',
    summary: 'Append a message, or several in their order',
    role: 'member',
    params: Ref,
    body: MessagesCreate,
    returns: MessagesCreated,
    status: 201,
    bodyLimit: MANY,
    handle: async ({ params, body, scope, now }, { conversations }) => {
      const several = 'messages' in body
      const messages = (several ? body.messages : [body]).map(withId)
      const rows = foundMessages(params.id, await conversations.append(scope, params.id, messages, now))
      return several ? { rows } : (rows[0] as Row<Message>)
    },
  }),
  route({
    method: 'get',
    path: '/:id/messages',
    summary: 'List the messages of a conversation in their order',
    role: 'viewer',
    params: Ref,
    lists: Message,
    handle: async ({ params, scope, slice }, { conversations }) =>
      foundMessages(params.id, await conversations.messages(scope, params.id, slice)),
  }),
]
