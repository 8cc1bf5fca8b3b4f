import { afterAll, beforeAll, expect, test } from 'vitest'
import { examples, type Made, makeOne } from '../support/examples.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'
import { tenantRoutes } from '../support/routes.ts'

let app: Running
let theirs: Made
let owner: Call
beforeAll(async () => {
  app = await run()
  owner = (await app.organization()).call
  theirs = await makeOne(owner, 'secret-mark')
})
afterAll(() => app.stop())

/** Ids that are nobody's, of the same shape as the real ones. */
const nobodys = (made: Made): Made =>
  Object.fromEntries(Object.entries(made).map(([name, id]) => [name, `${id.slice(0, -6)}ffffff`])) as Made

const TIMES = /"[^"]*_at":"[^"]*"/g

/** An answer without what is another's in every answer: its request's id, its times, the ids that were asked for. */
const shapeOf = ({ status, text, headers }: Answer, made: Made) => {
  const blank = Object.values(made).reduce((rest, id) => rest.replaceAll(id, '<id>'), text)
  return {
    status,
    body: blank
      .replace(/"request_id":"[^"]*"/, '')
      .replaceAll(TIMES, '')
      .replaceAll(/"version":\d+/g, '')
      .replaceAll(/"(id|number)":("\w+"|\d+)/g, ''),
    headers: [...headers.keys()].sort(),
  }
}

const ask = async (call: Call, name: string, made: Made) => {
  const example = examples[name]
  if (!example) throw new Error(`test/support/examples.ts has no example of ${name}`)
  const { path, body, headers } = example(made)
  return shapeOf(await call((name.split(' ')[0] as string).toUpperCase(), path, body, headers), made)
}

/** Routes that make what their id names, in the caller's own organization. */
const MAKING = [
  'post /agents/counters/:name/increment',
  'put /database/tables/:table',
  'put /analytics/metrics/:key',
  'put /rag/documents/:id',
  'put /rag/faqs/:id',
]
/** Routes whose names are the same for all. */
const OF_ALL = ['get /analytics/reports/:name']

test("every route that takes an id answers another organization's as it answers one that does not exist", async () => {
  const routes = tenantRoutes(app.functions).filter(([, { params }]) => params)
  expect(routes.length).toBeGreaterThan(10)
  for (const [name] of routes) {
    const nobody = await ask((await app.organization()).call, name, nobodys(theirs))
    const stranger = await ask((await app.organization()).call, name, theirs)
    if (MAKING.includes(name)) for (const one of [stranger, nobody]) one.body = one.body.replace(/"organization_id":"[^"]*"/, '')
    expect([name, stranger]).toEqual([name, nobody])
    if (!MAKING.includes(name) && !OF_ALL.includes(name)) expect([name, nobody.status]).toEqual([name, 404])
  }
})

test("another organization's id in a body is an id that does not exist", async () => {
  const { call } = await app.organization()
  const mine = await makeOne(call, 'own')
  for (const [method, path] of [
    ['POST', '/conversations'],
    ['PATCH', `/conversations/${mine.conversation}`],
  ] as const) {
    const other = shapeOf(await call(method, path, { agent_id: theirs.agent }), theirs)
    expect(other).toEqual(shapeOf(await call(method, path, { agent_id: 'nobody' }), theirs))
    expect(other.status).toBe(400)
  }
})

test('an id that another organization has is free to be taken', async () => {
  const { call } = await app.organization()
  const agent = await call('POST', '/agents', { id: theirs.agent, name: 'Namesake' })
  expect(agent.status).toBe(201)
  const conversation = await call('POST', '/conversations', { id: theirs.conversation, agent_id: theirs.agent })
  expect([conversation.status, conversation.body.message_count]).toEqual([201, 0])
  expect((await call('POST', `/agents/counters/${theirs.counter}/increment`)).text).toBe(`{"name":"${theirs.counter}","value":1}`)
  expect((await call('POST', '/organizations/users', { id: theirs.user, email: 'namesake@example.org' })).status).toBe(201)
  expect((await call('DELETE', `/agents/${theirs.agent}`)).status).toBe(204)
  expect((await owner('GET', `/agents/${theirs.agent}`)).body.name).toBe('secret-mark')
})

test("no list and no search shows another organization's records", async () => {
  const { call } = await app.organization()
  await makeOne(call, 'own')
  const lists = tenantRoutes(app.functions).filter(([, { lists, params }]) => lists && !params)
  expect(lists.length).toBeGreaterThan(5)
  for (const [name] of lists) {
    const { path } = (examples[name] as NonNullable<(typeof examples)[string]>)({} as Made)
    const [seen, other] = [await call('GET', path), await owner('GET', path)]
    expect([name, seen.status, other.status]).toEqual([name, 200, 200])
    expect(other.text).toContain('secret-mark')
    for (const id of ['secret-mark', ...Object.values(theirs)]) expect(seen.text).not.toContain(id)
  }
})

test("a place in another organization's list is no place in this one's", async () => {
  const { call } = await app.organization()
  await owner('POST', '/agents', { name: 'Second' })
  const { body } = await owner('GET', '/agents?limit=1')
  expect((await owner('GET', `/agents?limit=1&cursor=${body.next_cursor}`)).status).toBe(200)
  expect((await call('GET', `/agents?limit=1&cursor=${body.next_cursor}`)).status).toBe(400)
})

test('whatever a stranger asked for, nothing of the other organization has changed', async () => {
  const { call } = await app.organization()
  const reads = [
    'get /agents/:id',
    'get /agents/counters/:name',
    'get /analytics/metrics/:key',
    'get /conversations/:id',
    'get /conversations/:id/messages',
  ]
  const tables = ['get /database/tables/:table', 'get /database/tables/:table/records', 'get /database/tables/:table/records/:id']
  const money = ['get /payments/intents', 'get /payments/transactions', 'get /payments/balance']
  const all = [...reads, ...tables, ...money, 'get /organizations/users/:id', 'get /organizations/users']
  const look = () => Promise.all(all.map(async name => (await owner('GET', examples[name]?.(theirs).path as string)).text))
  const before = await look()
  for (const [name, { method, params }] of tenantRoutes(app.functions)) if (method !== 'get' && params) await ask(call, name, theirs)
  expect(await look()).toEqual(before)
  expect(before.join()).toContain('secret-mark')
})
