import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { CollectionRef, CollectionState, CollectionStates, StageChange, Verified } from './stages.schema.ts'
import type { StageStore } from './stages.store.ts'

const route = routesOf<{ stages: StageStore }>()

export const stageRoutes = [
  route({
    method: 'get',
    path: '/collections',
    summary: 'Where every collection stands on its way from memory to Postgres',
    role: 'platform',
    returns: CollectionStates,
    handle: async (_, { stages }) => ({ items: await stages.list(), next_cursor: null }),
  }),
  route({
    method: 'get',
    path: '/collections/:name',
    summary: 'Where a collection stands, with its rates of agreement, latencies and errors',
    role: 'platform',
    params: CollectionRef,
    returns: CollectionState,
    handle: async ({ params }, { stages }) => found('collection', params.name, await stages.get(params.name)),
  }),
  route({
    method: 'post',
    path: '/collections/:name/stage',
    summary: 'Take a step; 202 when its holder has not done it yet: look at the collection',
    role: 'platform',
    params: CollectionRef,
    body: StageChange,
    returns: CollectionState,
    handle: async ({ params, body }, { stages }) => {
      const { name } = found('collection', params.name, await stages.get(params.name))
      const done = await stages.change(name, body.stage, String(body.expected_epoch))
      const headers = { 'content-type': 'application/json', location: `/migration/collections/${name}` }
      return { reply: { status: done ? 200 : 202, headers, body: JSON.stringify(await stages.get(name)) } }
    },
  }),
  route({
    method: 'post',
    path: '/collections/:name/verify',
    summary: 'Compare memory with Postgres, whole: the clean pass that the next stage asks for',
    role: 'platform',
    params: CollectionRef,
    returns: Verified,
    handle: async ({ params }, { stages }) => {
      const { name } = found('collection', params.name, await stages.get(params.name))
      return stages.verify(name)
    },
  }),
]
