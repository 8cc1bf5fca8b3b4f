import type { Access } from '../../shared/http/route.ts'
import type { Schema } from './fuzz.ts'

export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }

/** One operation of an OpenAPI document. */
export type Operation = {
  /** As routes are declared: `patch /agents/:id`. */
  name: string
  method: string
  /** With its parameters in braces. */
  path: string
  role: Access
  parameters: Parameter[]
  body: Schema | undefined
  /** Of a success. */
  answer: Schema | undefined
}

type Content = { content?: Record<string, { schema?: Schema }> }
type Described = {
  security?: object[]
  'x-role'?: Access
  parameters?: Parameter[]
  requestBody?: Content
  responses: Record<string, Content>
}
export type Document = { paths: Record<string, Record<string, Described>> }

const jsonOf = (part: Content | undefined): Schema | undefined => part?.content?.['application/json']?.schema

/** Every operation of a document: a route that is new is among them by itself. */
export const operationsOf = ({ paths }: Document): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security, 'x-role': role, parameters = [], requestBody, responses }]) => ({
      name: `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      method: method.toUpperCase(),
      path,
      role: security?.length === 0 ? 'public' : (role as Access),
      parameters,
      body: jsonOf(requestBody),
      answer: jsonOf(Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]),
    })),
  )
