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

const race = <T>(runner: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: RACERS }, (_, n) => runner(n)))

/** How often each status was answered. */
const tally = (answers: Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

test('of a hundred changes of one version one is made', async () => {
  const { call } = await app.organization()
  const { body: agent } = await call('POST', '/agents', { name: 'First' })
  const etag = { 'if-match': `"${agent.version}"` }
  const answers = await race(n => call('PATCH', `/agents/${agent.id}`, { name: `Racer ${n}` }, etag))
  expect(tally(answers)).toEqual({ 200: 1, 412: RACERS - 1 })
  const winner = answers.find(({ status }) => status === 200) as Answer
  expect((await call('GET', `/agents/${agent.id}`)).text).toBe(winner.text)
})

test('of a hundred removals and changes of one version one is made', async () => {
  const { call } = await app.organization()
  const { body: agent } = await call('POST', '/agents', { name: 'First' })
  const etag = { 'if-match': `"${agent.version}"` }
  const answers = await race(n =>
    n % 2 ? call('DELETE', `/agents/${agent.id}`, undefined, etag) : call('PATCH', `/agents/${agent.id}`, { name: `Racer ${n}` }, etag),
  )
  expect(answers.filter(({ status }) => status === 200 || status === 204)).toHaveLength(1)
  for (const { status } of answers) expect([200, 204, 404, 412]).toContain(status)
})

test('of a hundred creations of one id one is made', async () => {
  const { call } = await app.organization()
  const answers = await race(n => call('POST', '/agents', { id: 'the-one', name: `Racer ${n}` }))
  expect(tally(answers)).toEqual({ 201: 1, 409: RACERS - 1 })
})

test('of a hundred organizations with one id, or one address, one is founded', async () => {
  const found = (body: object) => app.admin('POST', '/organizations', { name: 'Racer', ...body })
  expect(tally(await race(() => found({ id: 'org-the-one' })))).toEqual({ 201: 1, 409: RACERS - 1 })
  expect(tally(await race(() => found({ owner_email: 'the-one@example.org' })))).toEqual({ 201: 1, 409: RACERS - 1 })
})

test('a hundred increments of one counter sum to the digit', async () => {
  const { call } = await app.organization()
  // 0.001 to 0.100 beside 10^21, all in hundredths: 100 x 10^19 and 5.050 / 100
  const by = (n: number) => `1000000000000000000000.${String(n + 1).padStart(3, '0')}e-2`
  expect(tally(await race(n => call('POST', '/agents/counters/sum/increment', { by: by(n) })))).toEqual({ 200: RACERS })
  expect((await call('GET', '/agents/counters/sum')).text).toBe('{"name":"sum","value":1000000000000000000000.05050}')
})

test('a hundred messages to one conversation get the numbers 1 to 100', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { id: 'a', name: 'Agent' })
  const { body } = await call('POST', '/conversations', { agent_id: 'a' })
  const path = `/conversations/${body.id}`
  const answers = await race(n => call('POST', `${path}/messages`, { role: 'user', content: `Message ${n}` }))
  const numbers = answers.map(answer => answer.body.number as number)
  const wanted = Array.from({ length: RACERS }, (_, n) => n + 1)
  expect(numbers.sort((a, b) => a - b)).toEqual(wanted)
  const { items } = (await call('GET', `${path}/messages?limit=200`)).body
  expect(items.map((item: { number: number }) => item.number)).toEqual(wanted)
  expect((await call('GET', path)).body.message_count).toBe(RACERS)
})

test('messages that come together keep together', async () => {
  const { call } = await app.organization()
  await call('POST', '/agents', { id: 'a', name: 'Agent' })
  await call('POST', '/conversations', { id: 'c', agent_id: 'a' })
  const say = (n: number) => ['a', 'b', 'c'].map(part => ({ role: 'user', content: `${n}${part}` }))
  await race(n => call('POST', '/conversations/c/messages', { messages: say(n) }))
  const first = await call('GET', '/conversations/c/messages?limit=150')
  const second = await call('GET', `/conversations/c/messages?limit=150&cursor=${first.body.next_cursor}`)
  const said = [...first.body.items, ...second.body.items].map((item: { content: string }) => item.content)
  expect(said).toHaveLength(3 * RACERS)
  for (let i = 0; i < said.length; i += 3) {
    const n = Number.parseInt(String(said[i]), 10)
    expect(said.slice(i, i + 3)).toEqual([`${n}a`, `${n}b`, `${n}c`])
  }
})

const ROUNDS = 30

/** Two owners, each with a key of his own. */
const twoOwners = async () => {
  const { call } = await app.organization()
  const owner = async (name: string) => {
    const id = `${name}-${Math.random().toString(36).slice(2)}`
    await call('POST', '/organizations/users', { id, email: `${id}@example.org`, role: 'owner' })
    return id
  }
  return { call, a: await owner('a'), b: await owner('b') }
}

const ownersOf = async (call: Call): Promise<number> => {
  const { items } = (await call('GET', '/organizations/users')).body
  return items.filter((user: { role: string; status: string }) => user.role === 'owner' && user.status === 'active').length
}

test('of two owners who are removed, demoted or suspended at once one stays', async () => {
  type Way = (call: Call, id: string) => Promise<Answer>
  const ways: Way[] = [
    (call, id) => call('DELETE', `/organizations/users/${id}`),
    (call, id) => call('PATCH', `/organizations/users/${id}`, { role: 'viewer' }),
    (call, id) => call('PATCH', `/organizations/users/${id}`, { status: 'suspended' }),
  ]
  for (let round = 0; round < ROUNDS; round++) {
    const { call, a, b } = await twoOwners()
    const one = ways[round % 3] as Way
    const other = ways[Math.floor(round / 3) % 3] as Way
    const answers = await Promise.all([one(call, a), other(call, b)])
    expect(answers.map(({ status }) => (status < 300 ? 'done' : status)).sort()).toEqual([409, 'done'])
    expect(await ownersOf(call)).toBe(1)
  }
})
