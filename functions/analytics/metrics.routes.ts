import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import { Metric, MetricPut, MetricRef } from './metrics.schema.ts'
import type { MetricStore } from './store.ts'

const route = routesOf<{ metrics: MetricStore }>()

export const metricRoutes = [
  route({
    method: 'put',
    path: '/metrics/:key',
    summary: 'Keep a metric, for ttl_seconds or for good',
    role: 'member',
    params: MetricRef,
    body: MetricPut,
    returns: Metric,
    handle: ({ params, body, scope, ifMatch, now }, { metrics }) =>
      metrics.put(scope, params.key, { value: body.value, ttl_seconds: body.ttl_seconds ?? null, at: now }, ifMatch),
  }),
  route({
    method: 'get',
    path: '/metrics/:key',
    summary: 'Get a metric that has not expired',
    role: 'viewer',
    params: MetricRef,
    returns: Metric,
    handle: async ({ params, scope, now }, { metrics }) => found('metric', params.key, await metrics.get(scope, params.key, now)),
  }),
  route({
    method: 'delete',
    path: '/metrics/:key',
    summary: 'Remove a metric',
    role: 'member',
    params: MetricRef,
    handle: async ({ params, scope, ifMatch, now }, { metrics }) => {
      found('metric', params.key, await metrics.remove(scope, params.key, now, ifMatch))
    },
  }),
]
