import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { z } from 'zod'
import { found } from '../../shared/http/found.ts'
import { routesOf } from '../../shared/http/route.ts'
import type { Metrics } from '../../shared/observe/metrics.ts'

const route = routesOf<{ metrics: Metrics }>()

const types = new Map([
  ['swagger-ui.css', 'text/css'],
  ['swagger-ui-bundle.js', 'text/javascript'],
])

const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>AgentHub storage</title><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', persistAuthorization: true, docExpansion: 'none', validatorUrl: null })</script>
</body></html>
`

/** A file of Swagger UI, out of the installed package: the page needs no internet. */
const asset = async (name: string): Promise<string> => readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`), 'utf8')

export const gatewayRoutes = [
  route({
    method: 'get',
    path: '/docs',
    summary: 'A page to read and try the routes',
    role: 'public',
    handle: () => ({ reply: { headers: { 'content-type': 'text/html; charset=utf-8' }, body: page } }),
  }),
  route({
    method: 'get',
    path: '/docs/:file',
    summary: 'The files of that page',
    role: 'public',
    params: z.strictObject({ file: z.string() }),
    handle: async ({ params: { file } }) => {
      const type = found('file', file, types.get(file))
      return { reply: { headers: { 'content-type': `${type}; charset=utf-8` }, body: await asset(file) } }
    },
  }),
  route({
    method: 'get',
    path: '/metrics',
    summary: 'Metrics of this process as Prometheus text: queries by statement, requests by route, the pool',
    role: 'platform',
    handle: async (_, { metrics }) => ({ reply: { headers: { 'content-type': 'text/plain; version=0.0.4' }, body: await metrics.text() } }),
  }),
]
