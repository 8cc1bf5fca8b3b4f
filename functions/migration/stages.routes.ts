import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { CollectionRef, CollectionState, CollectionStates, StageChange, Verified } from './stages.schema.ts'
import type { StageStore } from './stages.store.ts'

const route = routesOf<{ stages: StageStore }>()

/** Where to look for what becomes of a wish, and how it stands there. */
const lookAt = async (name: string, status: number, stages: StageStore) => {
  const headers = { 'content-type': 'application/json', location: `/migration/collections/${name}` }
  return { reply: { status, headers, body: JSON.stringify(await stages.get(name)) } }
}

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
    handle: async ({ params, body, scope }, { stages }) => {
      const { name } = found('collection', params.name, await stages.get(params.name))
      const done = await stages.change(scope, name, body.stage, String(body.expected_epoch))
      return lookAt(name, done ? 200 : 202, stages)
    },
  }),
  route({
    method: 'post',
    path: '/collections/:name/verify',
    summary: 'Compare memory with Postgres, whole: the clean pass that the next stage asks for; 202 when its holder is to do it',
    role: 'platform',
    params: CollectionRef,
    returns: Verified,
    handle: async ({ params }, { stages }) => {
      const { name } = found('collection', params.name, await stages.get(params.name))
      return (await stages.verify(name)) ?? lookAt(name, 202, stages)
    },
  }),
]
