import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

type Schema = { [key: string]: unknown }
type Operation = {
  operationId: string
  summary: string
  security: unknown[]
  parameters: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
}
const operationsOf = (document: { paths: Record<string, Record<string, Operation>> }) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  )
const templateOf = (name: string, path: string) =>
  `/${name}/${path}`
    .replace(/\/+/g, '/')
    .replace(/(.)\/$/, '$1')
    .replace(/:(\w+)/g, '{$1}')

test('health needs no key, of the gateway and of each of its functions', async () => {
  for (const name of ['', '/organizations', '/agents', '/conversations', '/audit'])
    for (const kind of ['live', 'ready'])
      expect([name, kind, (await app.as(undefined)('GET', `${name}/health/${kind}`)).body]).toEqual([name, kind, { status: 'ok' }])
})

test('the document describes every route of every function, and each function its own', async () => {
  const { body } = await app.as(undefined)('GET', '/openapi.json')
  const served = app.functions.flatMap(({ name, routes }) => routes.map(({ method, path }) => `${method} ${templateOf(name, path)}`))
  expect(
    operationsOf(body)
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  ).toEqual([...new Set(served)].sort())
  expect(served.length).toBeGreaterThan(40)
  const agents = (await app.as(undefined)('GET', '/agents/openapi.json')).body
  expect(Object.keys(agents.paths).every(path => path.startsWith('/agents'))).toBe(true)
  expect(agents.paths['/agents/counters/{name}/increment'].post).toEqual(body.paths['/agents/counters/{name}/increment'].post)
})

test('the document is OpenAPI 3.1: whole operations, unique ids, declared parameters, references that resolve', async () => {
  const { body } = await app.as(undefined)('GET', '/openapi.json')
  expect(body.openapi).toMatch(/^3\.1\.\d+$/)
  expect(body.info).toMatchObject({ title: expect.any(String), version: expect.any(String) })
  const operations = operationsOf(body)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  for (const { path, method, operationId, summary, parameters, requestBody, responses } of operations) {
    expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method)
    expect(operationId).toMatch(/^[a-z_]\w*$/i)
    expect(summary).toBeTruthy()
    const inPath = parameters.filter(one => one.in === 'path')
    expect([path, inPath.map(({ name }) => `{${name}}`)]).toEqual([path, path.match(/\{\w+\}/g) ?? []])
    expect(inPath.every(({ required }) => required === true)).toBe(true)
    expect(new Set(parameters.map(one => `${one.in} ${one.name}`)).size).toBe(parameters.length)
    expect(parameters.every(({ schema }) => typeof schema === 'object')).toBe(true)
    if (method === 'get') expect(requestBody).toBeUndefined()
    expect(Object.keys(responses)).toEqual([expect.stringMatching(/^2\d\d$/), 'default'])
    for (const { description } of Object.values(responses)) expect(description).toBeTruthy()
  }
  for (const { schema } of schemasOf(body)) {
    const { $ref, type } = schema as { $ref?: string; type?: string | string[] }
    if ($ref)
      expect(
        $ref
          .slice(2)
          .split('/')
          .reduce((at, key) => at?.[key], body),
      ).toBeDefined()
    for (const one of [type ?? []].flat()) expect(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']).toContain(one)
  }
})

/** Every schema of a document, wherever it stands. */
const schemasOf = (value: unknown): { schema: Schema }[] => {
  if (typeof value !== 'object' || value === null) return []
  const mine = 'schema' in value && typeof value.schema === 'object' ? [value as { schema: Schema }] : []
  return [...mine, ...Object.values(value).flatMap(schemasOf)]
}

test('a schema of the document says what its route asks for', async () => {
  const { body } = await app.as(undefined)('GET', '/openapi.json')
  const { post } = body.paths['/agents']
  expect(post.requestBody.content['application/json'].schema).toMatchObject({
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: { name: { type: 'string', minLength: 1, maxLength: 255 }, status: { enum: ['active', 'paused', 'archived'] } },
  })
  expect(post.parameters.map(({ name }: { name: string }) => name)).toEqual(['Idempotency-Key'])
  expect(body.paths['/agents'].get.parameters.map(({ name }: { name: string }) => name).sort()).toEqual([
    'cursor',
    'industry',
    'limit',
    'q',
    'status',
  ])
  expect(body.paths['/organizations/sessions'].post.security).toEqual([])
})

test('the page of the docs and its files are served from here alone', async () => {
  const page = await app.as(undefined)('GET', '/docs')
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page.text).not.toMatch(/(https?:)?\/\/\w/)
  const files = [...page.text.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path as string)
  expect(files).toHaveLength(2)
  for (const path of files) {
    const file = await app.as(undefined)('GET', path)
    expect([path, file.status, file.headers.get('content-type')]).toEqual([path, 200, expect.stringMatching(/^text\/(css|javascript)/)])
    expect(file.text).not.toMatch(/url\(["']?https?:|@import|importScripts|<script[^>]+src=["']?https?:/)
  }
  for (const path of ['/docs/nothing.js', '/docs/constructor', '/docs/__proto__', '/docs/..%2fpackage.json', '/docs/package.json'])
    expect([path, (await app.as(undefined)('GET', path)).status]).toEqual([path, 404])
})

test('metrics tell the latency of each statement by its name, to the admin alone', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { name: 'A' })
  await call('GET', '/agents')
  await call('GET', '/agents/nobody')
  const { status, headers, text } = await app.admin('GET', '/metrics')
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4'])
  for (const name of ['agents.create', 'agents.list', 'agents.get', 'organizations.found']) {
    expect(text).toMatch(new RegExp(`^db_query_duration_seconds_count\\{[^}]*statement="${name}"[^}]*outcome="ok"[^}]*\\} 1( \\d+)?$`, 'm'))
    expect(text).toMatch(new RegExp(`^db_query_duration_seconds_bucket\\{[^}]*statement="${name}"[^}]*le="0.005"[^}]*\\} `, 'm'))
  }
  expect(text).toMatch(/^http_request_duration_seconds_count\{[^}]*route="get \/agents\/:id"[^}]*status="404"[^}]*\} 1/m)
  expect(text).toMatch(/^db_pool_connections\{[^}]*\} [1-9]/m)
  expect((await call('GET', '/metrics')).status).toBe(403)
  expect((await app.as(undefined)('GET', '/metrics')).status).toBe(401)
})
