import { stringify } from '../../shared/json.ts'
import type { Schema } from './fuzz.ts'
import type { Operation } from './operations.ts'
import type { Sent } from './raw.ts'

/** What is sent in every field, and may stand in no log: it looks like a card's number to whoever looks for those. */
export const CANARY = 'kanarie4242424242424242'

/** The formats that keep a canary out of a field: these are sent in a form that passes. */
const formats: Record<string, string> = { email: `${CANARY}@example.org`, 'date-time': '2026-01-01T00:00:00Z' }

/** A value of a schema in which every text is the canary, and every free object holds it as a name and as a value. */
export const canaryOf = (schema: Schema): unknown => {
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  const choice = (schema.anyOf ?? schema.oneOf)?.[0]
  if (choice) return canaryOf(choice)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'array') return [canaryOf(schema.items ?? {})]
  if (type === 'number' || type === 'integer') return 1
  if (type === 'boolean') return true
  if (type === 'string') return formats[schema.format ?? ''] ?? CANARY
  if (type !== 'object' || !schema.properties) return { [CANARY]: CANARY }
  return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, canaryOf(one)]))
}

/** The same value with every leaf replaced by the canary: of the wrong type nearly everywhere. */
const spoilt = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return CANARY
  if (Array.isArray(value)) return value.map(spoilt)
  return Object.fromEntries([...Object.entries(value).map(([name, inner]) => [name, spoilt(inner)]), [`unknown ${CANARY}`, CANARY]])
}

const json = { 'content-type': 'application/json' }

/** Requests of an operation, the canary in each of its fields: right ones, wrong ones, and ones that are no JSON. `known` is a right request of it. */
export const canariesOf = ({ method, path, parameters, body }: Operation, known: Sent): Sent[] => {
  const query = parameters.filter(one => one.in === 'query').map(one => `${one.name}=${encodeURIComponent(String(canaryOf(one.schema)))}`)
  const strange = [...parameters.filter(one => one.in === 'query').map(({ name }) => `${name}=${CANARY}`), `${CANARY}=${CANARY}`]
  const right = path.replace(/\{\w+\}/g, CANARY)
  const headers: Record<string, string> = {
    ...{ 'if-match': `"${CANARY}"`, 'if-none-match': `"${CANARY}"`, 'user-agent': CANARY, cookie: `session=${CANARY}` },
    ...{
      'x-forwarded-for': `${CANARY}, ${CANARY}`,
      'stripe-signature': `t=1,v1=${CANARY}`,
      traceparent: `00-${CANARY}-01`,
      [CANARY]: CANARY,
    },
  }
  const key = { 'idempotency-key': `${CANARY} ${method} ${path}` }
  const filled = body && canaryOf(body)
  const text = filled === undefined ? undefined : stringify(filled)
  const asked = query.length > 0 ? `${right}?${query.join('&')}` : right
  return [
    { ...known, headers: { ...known.headers, ...headers } },
    { ...known, headers: { ...known.headers, ...key, 'user-agent': CANARY } },
    { method, path: asked, headers: { ...json, ...key }, body: text },
    { method, path: `${known.path.split('?')[0]}?${query.join('&')}`, headers: { ...json }, body: text },
    { method, path: `${right}?${strange.join('&')}`, headers: { ...json, ...headers }, body: stringify(spoilt(filled ?? {})) },
    { method, path: asked, headers: { ...json, 'idempotency-key': `${CANARY}é` }, body: `{"a":"\n    at ${CANARY}",${CANARY}` },
    { method, path: asked, headers: { ...json, ...key }, body: `${CANARY}\n    at ${CANARY} (file.ts:1:1)` },
    { method, path: asked, headers: { 'content-type': `text/${CANARY}` }, body: CANARY },
    { method, path: `${right}/${CANARY}/%zz${CANARY}`, headers: {} },
  ]
}
