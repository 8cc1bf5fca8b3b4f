import { found, made } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { newId } from '../../shared/id.ts'
import { Ref } from '../../shared/shapes.ts'
import { Counter, CounterRef, Increment } from './counters.schema.ts'
import { Agent, AgentCreate, AgentFilter, AgentPatch } from './schema.ts'
import type { AgentStore, CounterStore } from './store.ts'

const route = routesOf<{ agents: AgentStore; counters: CounterStore }>()

export const agentRoutes = [
  route({
    method: 'post',
    path: '/',
    summary: 'Create an agent',
    role: 'member',
    body: AgentCreate,
    returns: Agent,
    status: 201,
    handle: async ({ body, scope, now }, { agents }) => {
      const { id = newId('agt'), industry = null, description = null, status = 'active' } = body
      return made('agent', id, await agents.create(scope, { ...body, id, industry, description, status, at: now }))
    },
  }),
  route({
    method: 'get',
    path: '/',
    summary: 'List agents, newest first',
    role: 'viewer',
    query: AgentFilter,
    lists: Agent,
    handle: ({ query, scope, slice }, { agents }) => agents.list(scope, slice, query),
  }),
  route({
    method: 'get',
    path: '/:id',
    summary: 'Get an agent',
    role: 'viewer',
    params: Ref,
    returns: Agent,
    handle: async ({ params, scope }, { agents }) => found('agent', params.id, await agents.get(scope, params.id)),
  }),
  route({
    method: 'patch',
    path: '/:id',
    summary: 'Update an agent; configuration is replaced whole',
    role: 'member',
    params: Ref,
    body: AgentPatch,
    returns: Agent,
    handle: async ({ params, body, scope, ifMatch, now }, { agents }) =>
      found('agent', params.id, await agents.update(scope, params.id, body, now, ifMatch)),
  }),
  route({
    method: 'delete',
    path: '/:id',
    summary: 'Remove an agent; its conversations stay',
    role: 'member',
    params: Ref,
    handle: async ({ params, scope, ifMatch, now }, { agents }) => {
      found('agent', params.id, await agents.remove(scope, params.id, now, ifMatch))
    },
  }),
  route({
    method: 'get',
    path: '/counters',
    summary: 'List counters by name',
    role: 'viewer',
    lists: Counter,
    handle: ({ scope, slice }, { counters }) => counters.list(scope, slice),
  }),
  route({
    method: 'get',
    path: '/counters/:name',
    summary: 'Get a counter',
    role: 'viewer',
    params: CounterRef,
    returns: Counter,
    handle: async ({ params, scope }, { counters }) => found('counter', params.name, await counters.get(scope, params.name)),
  }),
  route({
    method: 'post',
    path: '/counters/:name/increment',
    summary: 'Add to a counter, which begins at 0',
    role: 'member',
    params: CounterRef,
    body: Increment,
    returns: Counter,
    handle: ({ params, body, scope, now }, { counters }) => counters.increment(scope, params.name, body.by, now),
  }),
]
