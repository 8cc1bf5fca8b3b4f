import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
  // every connection is open before the first race: while they are opened one by one, nothing races
  await Promise.all(Array.from({ length: RACERS }, () => app.as(undefined)('GET', '/health/ready')))
})
afterAll(() => app.stop())

const RACERS = 100
const keyed = (key: string) => ({ 'idempotency-key': key })
const replayed = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true'
const namesOf = async (call: Call): Promise<string[]> =>
  (await call('GET', '/agents?limit=200')).body.items.map((item: { name: string }) => item.name)

test('a hundred requests with one key have one effect; each of the others hears the same answer or that it is in flight', async () => {
  const { call } = await app.organization()
  const send = () => call('POST', '/agents', { name: 'Once' }, keyed('race'))
  const answers = await Promise.all(Array.from({ length: RACERS }, send))
  const [first, ...more] = answers.filter(answer => answer.status === 201 && !replayed(answer)) as [Answer, ...Answer[]]
  expect(more).toEqual([])
  for (const answer of answers) {
    if (answer.status === 409) expect([answer.body.code, answer.headers.get('retry-after')]).toEqual(['conflict', '1'])
    else expect([answer.status, answer.text]).toEqual([201, first.text])
  }
  expect(await namesOf(call)).toEqual(['Once'])
  const after = await send()
  expect([after.status, after.text, replayed(after)]).toEqual([201, first.text, true])
  expect(['etag', 'location', 'content-type'].map(name => after.headers.get(name))).toEqual(
    ['etag', 'location', 'content-type'].map(name => first.headers.get(name)),
  )
})

test('a key used for another body or another query is refused, and does nothing', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { name: 'One' }, keyed('k'))
  const other = await call('POST', '/agents', { name: 'Two' }, keyed('k'))
  expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
  expect((await call('POST', '/agents/counters/a/increment', {}, keyed('c'))).body.value).toBe(1)
  expect((await call('POST', '/agents/counters/b/increment', {}, keyed('c'))).status).toBe(422)
  expect((await call('POST', '/agents/counters/a/increment', {}, keyed('c'))).body.value).toBe(1)
  expect(await namesOf(call)).toEqual(['One'])
})

test('a key belongs to one organization and one route', async () => {
  const [mine, other] = [await app.organization(), await app.organization()]
  const names = [mine, other].map(async ({ call }) => (await call('POST', '/agents', { id: 'a', name: 'Agent' }, keyed('k'))).status)
  expect(await Promise.all(names)).toEqual([201, 201])
  const conversation = await mine.call('POST', '/conversations', { agent_id: 'a' }, keyed('k'))
  expect([conversation.status, replayed(conversation)]).toEqual([201, false])
})

test('a refusal by state is replayed, even when the state is another by then', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { id: 'taken', name: 'First' })
  const send = () => call('POST', '/agents', { id: 'taken', name: 'Second' }, keyed('k'))
  const refused = await send()
  await call('DELETE', '/agents/taken')
  const again = await send()
  expect([refused.status, refused.body.code, replayed(refused)]).toEqual([409, 'conflict', false])
  expect([again.status, again.text, replayed(again)]).toEqual([409, refused.text, true])

  const lost = () => call('POST', '/conversations/c/messages', { role: 'user', content: 'Lost' }, keyed('k'))
  expect([(await lost()).status, replayed(await lost())]).toEqual([404, true])
})

test('a bad request, a forbidden one and one that is not authenticated are not kept: the key is free for the right one', async () => {
  const { call } = await app.organization()
  const { body } = await call('POST', '/organizations/api-keys', { name: 'Low', role: 'viewer' })
  expect((await call('POST', '/agents', { name: '' }, keyed('k'))).status).toBe(400)
  expect((await call('POST', '/conversations', { agent_id: 'nobody' }, keyed('k'))).status).toBe(400)
  expect((await app.as(body.secret)('POST', '/agents', { name: 'Low' }, keyed('k'))).status).toBe(403)
  const unknown = app.as(`${body.secret.slice(0, -4)}AAAA`)
  expect((await unknown('POST', '/agents', { name: 'Stranger' }, keyed('k'))).status).toBe(401)
  const right = await call('POST', '/agents', { id: 'nobody', name: 'Right' }, keyed('k'))
  expect([right.status, replayed(right)]).toEqual([201, false])
  expect((await call('POST', '/conversations', { agent_id: 'nobody' }, keyed('k'))).status).toBe(201)
})

test('an answer that holds a secret is replayed, and the secret stands nowhere in the database', async () => {
  const founded = () => app.admin('POST', '/organizations', { name: 'Sealed' }, keyed('found'))
  const [organization, again] = [await founded(), await founded()]
  expect([again.status, again.text, replayed(again)]).toEqual([201, organization.text, true])
  const call = app.as(organization.body.api_key.secret)
  const made = () => call('POST', '/organizations/api-keys', { name: 'Sealed', role: 'viewer' }, keyed('made'))
  const [key, same] = [await made(), await made()]
  expect([same.status, same.text, replayed(same)]).toEqual([201, key.text, true])
  expect((await app.as(key.body.secret)('GET', '/agents')).status).toBe(200)

  const rows = await app.database.sql<{ text: string }>('select k::text as text from idempotency_keys k')
  expect(rows.filter(({ text }) => text.includes('/organizations/') || text.includes('organizations/api-keys')).length).toBeGreaterThan(0)
  for (const { body } of [organization, key]) {
    const secret = (body.api_key?.secret ?? body.secret) as string
    for (const { text } of rows) expect(text.includes(secret.slice(-43))).toBe(false)
  }
})

test('an answer that holds a secret is refused to a caller with another credential', async () => {
  const { call } = await app.organization()
  const admin = async () => app.as((await call('POST', '/organizations/api-keys', { name: 'Admin', role: 'admin' })).body.secret)
  const [one, other] = [await admin(), await admin()]
  const body = { name: 'Sealed', role: 'viewer' }
  const made = await one('POST', '/organizations/api-keys', body, keyed('mine'))
  const stranger = await other('POST', '/organizations/api-keys', body, keyed('mine'))
  expect(made.status).toBe(201)
  expect(stranger.text).not.toContain(made.body.secret)
  expect(stranger.status).toBe(422)
})

test('a key is free again after 24 hours', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { name: 'Old' }, keyed('k'))
  await app.database.sql("update idempotency_keys set created_at = created_at - interval '25 hours'")
  const fresh = await call('POST', '/agents', { name: 'New' }, keyed('k'))
  expect([fresh.status, replayed(fresh)]).toEqual([201, false])
  expect(replayed(await call('POST', '/agents', { name: 'New' }, keyed('k')))).toBe(true)
})
