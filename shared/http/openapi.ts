import { z } from 'zod'
import { statusOf } from '../errors.ts'
import { ListBody, ListQuery } from './input.ts'
import type { HttpFunction, Route } from './route.ts'

type Schema = Record<string, unknown>

const jsonSchema = (schema: z.ZodType, io: 'input' | 'output'): Schema => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema
  return rest
}

const inBody = (schema: Schema, type = 'application/json') => ({ content: { [type]: { schema } } })

/** The OpenAPI 3.1 document of some functions, made of the same declarations that serve them. */
export const openApi = (title: string, functions: HttpFunction[]): Schema => {
  const paths: Record<string, Schema> = {}
  for (const { name, routes } of functions) {
    for (const route of routes) {
      const path = `/${name}/${route.path}`
        .replace(/\/+/g, '/')
        .replace(/(.)\/$/, '$1')
        .replace(/:(\w+)/g, '{$1}')
      paths[path] = { ...paths[path], [route.method]: operation(name, route) }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title, version: '1' },
    servers: [{ url: '/' }],
    paths,
    components: { schemas: { Problem }, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  }
}

const operation = (name: string, route: Route): Schema => ({
  tags: [name || 'gateway'],
  operationId: `${route.method}_${name}${route.path}`.replace(/\W+/g, '_').replace(/_$/, ''),
  summary: route.summary,
  ...(route.role === 'public' ? { security: [] } : { security: [{ bearer: [] }], 'x-role': route.role }),
  parameters: [
    ...fields(route.params, 'path'),
    ...fields(route.query, 'query'),
    ...(route.lists && !route.body ? fields(ListQuery, 'query') : []),
    ...headersOf(route).map(header => ({ ...header, in: 'header', schema: { type: 'string' } })),
  ],
  ...(route.body ? { requestBody: { required: !route.body.safeParse({}).success, ...inBody(bodyOf(route.body, route)) } } : {}),
  ...(route.uploads ? { requestBody: { required: true, content: Object.fromEntries(route.uploads.map(type => [type, {}])) } } : {}),
  responses: {
    [successOf(route)]: { description: 'done', ...answerOf(route) },
    default: {
      description: `one of ${Object.keys(statusOf).join(', ')}`,
      ...inBody({ $ref: '#/components/schemas/Problem' }, 'application/problem+json'),
    },
  },
})

const bodyOf = (body: z.ZodType, { lists }: Route): Schema => {
  const schema = jsonSchema(body, 'input')
  if (!lists) return schema
  return { ...schema, properties: { ...(schema.properties as Schema), ...(jsonSchema(ListBody, 'input').properties as Schema) } }
}

const successOf = (route: Route): number => route.status ?? (route.returns || route.lists ? 200 : 204)

const answerOf = ({ returns, lists }: Route): Schema => {
  if (lists) {
    const items = { type: 'array', items: jsonSchema(lists, 'output') }
    return inBody({ type: 'object', required: ['items', 'next_cursor'], properties: { items, next_cursor: { type: ['string', 'null'] } } })
  }
  return returns ? inBody(jsonSchema(returns, 'output')) : {}
}

const headersOf = ({ method, role, reads, key, lists }: Route): { name: string; required?: boolean }[] => {
  if (role === 'public') return []
  if (method === 'post') return reads ? [] : [{ name: 'Idempotency-Key', ...(key === 'required' ? { required: true } : {}) }]
  if (method === 'get') return lists ? [] : [{ name: 'If-None-Match' }]
  return [{ name: 'If-Match' }]
}

const fields = (schema: z.ZodType | undefined, where: 'path' | 'query'): Schema[] => {
  if (!schema) return []
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as { properties?: Record<string, Schema>; required?: string[] }
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: one,
  }))
}

const Problem: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(statusOf) },
    request_id: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { path: { type: 'string' }, message: { type: 'string' } } },
    },
  },
}
