import { stringify } from '../../shared/json.ts'
import { type Free, filledOf } from './canary.bodies.ts'
import type { Operation } from './operations.ts'
import type { Sent } from './raw.ts'

/** What stands in every canary, text or number: it looks like a card's number to whoever looks for those. */
export const MARK = '424242424242'
export const CANARY = `kanarie${MARK}4242`

/** Where a schema says "any JSON" and the route means more: filters, bulk events, a dictionary to import. */
const more: Record<string, unknown[]> = {
  'post /database/tables/:table/query': [
    { where: { $or: [{ [CANARY]: { $ilike: CANARY, $gt: CANARY, $in: [CANARY] } }, { $not: { [CANARY]: { $contains: [CANARY] } } }] } },
  ],
  'post /database/tables/:table/delete': [{ where: { [CANARY]: { $gte: CANARY, $like: `%${CANARY}` } } }],
  'post /rag/documents/delete': [{ where: { $and: [{ [CANARY]: { $ne: CANARY } }, { [CANARY]: { $lt: CANARY } }] } }],
  'post /rag/faqs/delete': [{ where: { $and: [{ [CANARY]: { $nin: [CANARY] } }, { [CANARY]: { $lte: CANARY } }] } }],
  'post /analytics/events': [
    {
      events: [{ event_id: `${CANARY}-bulk`, event_type: CANARY, event_data: { [CANARY]: CANARY }, agent_id: null }, { agent_id: CANARY }],
    },
  ],
  'post /migration/collections/:name/import': [
    { [CANARY]: { name: CANARY, description: CANARY, config: { [CANARY]: CANARY } } },
    { [CANARY]: { name: 1, [CANARY]: CANARY } },
  ],
  'post /migration/collections/:name/compare': [{ [CANARY]: { name: `another ${CANARY}` } }],
}

const free: Free = { text: CANARY, number: MARK, value: { [CANARY]: CANARY } }

/** Every body of an operation: together they hold every field of every alternative of its schema. */
export const bodiesOf = ({ name, body }: Operation): unknown[] => (body ? [...filledOf(body, free), ...(more[name] ?? [])] : [])

/** The same value with every leaf replaced by the canary: of the wrong type nearly everywhere. */
const spoilt = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return CANARY
  if (Array.isArray(value)) return value.map(spoilt)
  return Object.fromEntries([...Object.entries(value).map(([name, inner]) => [name, spoilt(inner)]), [`unknown ${CANARY}`, CANARY]])
}

const json = { 'content-type': 'application/json' }
const odd: Record<string, string> = {
  ...{ 'if-match': `"${CANARY}"`, 'if-none-match': `"${CANARY}"`, 'user-agent': CANARY, cookie: `session=${CANARY}` },
  ...{ 'x-forwarded-for': `${CANARY}, ${CANARY}`, 'stripe-signature': `t=1,v1=${CANARY}`, traceparent: `00-${CANARY}-01` },
  [CANARY]: CANARY,
}
let keys = 0
const keyed = () => ({ 'idempotency-key': `${CANARY} ${++keys}` })

/** Requests of an operation, the canary in each of its fields: right ones, wrong ones, and ones that are no JSON. `known` is a right request of it. */
export const canariesOf = (operation: Operation, known: Sent): Sent[] => {
  const { method, path, parameters } = operation
  const asked = parameters.filter(one => one.in === 'query')
  const query = asked.map(({ name, schema }) => `${name}=${encodeURIComponent(String(filledOf(schema, free)[0]))}`).join('&')
  const strange = [...asked.map(({ name }) => `${name}=${CANARY}`), `${CANARY}=${CANARY}`].join('&')
  const right = path.replace(/\{\w+\}/g, CANARY)
  const there = known.path.replace(/\?.*/, '')
  const bodies = bodiesOf(operation)
  const texts = bodies.length > 0 ? bodies.map(stringify) : [undefined]
  const wrong = bodies.length > 0 ? bodies.map(body => stringify(spoilt(body))) : [undefined]
  return [
    { ...known, headers: { ...known.headers, ...odd } },
    { ...known, headers: { ...known.headers, ...keyed(), 'user-agent': CANARY } },
    ...[...new Set([right, there])].flatMap(at =>
      texts.map(body => ({ method, path: `${at}?${query}`, headers: { ...json, ...keyed() }, body })),
    ),
    ...wrong.map(body => ({ method, path: `${right}?${strange}`, headers: { ...json, ...odd }, body })),
    { method, path: right, headers: { ...json, 'idempotency-key': `${CANARY}é` }, body: `{"a":"\n    at ${CANARY}",${CANARY}` },
    { method, path: right, headers: { ...json, ...keyed() }, body: `${CANARY}\n    at ${CANARY} (file.ts:1:1)` },
    { method, path: right, headers: { 'content-type': `text/${CANARY}` }, body: CANARY },
    { method, path: `${right}/${CANARY}/%zz${CANARY}`, headers: {} },
  ]
}
