import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

/** An organization with an agent, and a conversation of these words. */
const begin = async (...contents: string[]) => {
  const { call } = await app.organization()
  const agent_id = (await call('POST', '/agents', { name: 'A' })).body.id
  const messages = contents.map(content => ({ role: 'user', content }))
  const conversation = (await call('POST', '/conversations', { agent_id, messages })).body
  return { call, agent_id, conversation, path: `/conversations/${conversation.id}` }
}
const search = async (call: Call, q: string, more = '') =>
  (await call('GET', `/conversations/search?q=${encodeURIComponent(q)}${more}`)).body
const numbers = async (call: Call, q: string) => (await search(call, q)).items.map(({ number }: { number: number }) => number).sort()

test('a conversation begins with messages, which its own record does not repeat', async () => {
  const { call, agent_id, conversation, path } = await begin('one', 'two')
  expect(conversation).toMatchObject({ agent_id, metadata: {}, message_count: 2 })
  expect(conversation.messages).toBeUndefined()
  expect((await call('GET', path)).body).toEqual(conversation)
  const { body } = await call('GET', `${path}/messages`)
  expect(body.items).toMatchObject([
    { number: 1, role: 'user', content: 'one', conversation_id: conversation.id, metadata: {} },
    { number: 2, content: 'two' },
  ])
})

test('one message is appended and answered as itself, several as a list in their order', async () => {
  const { call, path } = await begin()
  const one = await call('POST', `${path}/messages`, { role: 'tool', content: '', metadata: { id: 1 } })
  expect([one.status, one.body.number, one.body.metadata]).toEqual([201, 1, { id: 1 }])
  const messages = ['b', 'c'].map(content => ({ role: 'assistant', content }))
  const several = await call('POST', `${path}/messages`, { messages })
  expect(several.status).toBe(201)
  expect(several.body.items).toMatchObject([
    { number: 2, content: 'b' },
    { number: 3, content: 'c' },
  ])
  const pages = [(await call('GET', `${path}/messages?limit=2`)).body]
  pages.push((await call('GET', `${path}/messages?limit=2&cursor=${pages[0].next_cursor}`)).body)
  expect(pages.flatMap(({ items }) => items.map(({ number }: { number: number }) => number))).toEqual([1, 2, 3])
})

test('what a conversation refuses is named', async () => {
  const { call, agent_id, path } = await begin()
  const wrong = async (method: string, to: string, body: unknown) => {
    const answer = await call(method, to, body)
    return [answer.status, answer.body.errors?.map((one: { path: string }) => one.path)]
  }
  expect(await wrong('POST', '/conversations', { agent_id: 'nobody' })).toEqual([400, ['agent_id']])
  expect(await wrong('POST', '/conversations', {})).toEqual([400, ['agent_id']])
  expect(await wrong('PATCH', path, { agent_id: 'nobody' })).toEqual([400, ['agent_id']])
  const bad = {
    agent_id,
    messages: [
      { role: 'user', content: 'x' },
      { role: 'robot', content: 'x' },
    ],
  }
  expect(await wrong('POST', '/conversations', bad)).toEqual([400, ['messages/1/role']])
  expect((await call('POST', `${path}/messages`, { messages: [] })).status).toBe(400)
  expect((await call('POST', `${path}/messages`, {})).status).toBe(400)
  expect((await call('POST', '/conversations/nobody/messages', { role: 'user', content: 'x' })).status).toBe(404)
  expect((await call('GET', '/conversations/nobody/messages')).status).toBe(404)
  expect((await call('GET', '/conversations/search')).status).toBe(400)
})

test('conversations are listed newest first, by agent too; a removed one is gone with its messages', async () => {
  const { call, agent_id, conversation, path } = await begin('unforgettable')
  const other = (await call('POST', '/agents', { name: 'B' })).body.id
  const second = (await call('POST', '/conversations', { agent_id: other })).body
  const ids = async (query: string) => (await call('GET', `/conversations${query}`)).body.items.map(({ id }: { id: string }) => id)
  expect(await ids('')).toEqual([second.id, conversation.id])
  expect(await ids(`?agent_id=${agent_id}`)).toEqual([conversation.id])
  expect((await call('DELETE', path)).status).toBe(204)
  expect(await ids('')).toEqual([second.id])
  expect((await call('GET', `${path}/messages`)).status).toBe(404)
  expect(await numbers(call, 'unforgettable')).toEqual([])
})

test('a search finds any of its words in any of their forms, best first, and a phrase as it stands', async () => {
  const { call } = await begin('The boats are sailing', 'A boat', 'sailing sailing sailing', 'boat sailing', 'Nothing here')
  expect(await numbers(call, 'boat')).toEqual([1, 2, 4])
  expect(await numbers(call, 'where do the boats sail?')).toEqual([1, 2, 3, 4])
  expect(await numbers(call, '"boat sailing"')).toEqual([4])
  expect(await numbers(call, 'sail -boat')).toEqual([3])
  expect(await numbers(call, 'the of and')).toEqual([])
  for (const odd of ["'", '!', '& |', '<->', '(', '%', '\\', 'a:*', '"', '-', ':*']) expect((await search(call, odd)).items).toBeDefined()
  const { items } = await search(call, 'boat sailing')
  const scores = items.map(({ score }: { score: number }) => score)
  expect(scores).toEqual([...scores].sort((a, b) => b - a))
  expect(scores.every((score: number) => score > 0)).toBe(true)
})

test('a search goes on over pages, each message once, also where scores are equal', async () => {
  const { call } = await begin(...Array.from({ length: 7 }, () => 'an equal message'))
  const seen: number[] = []
  let cursor = ''
  for (let page = 0; page < 4; page++) {
    const body = await search(call, 'equal', `&limit=2${cursor}`)
    seen.push(...body.items.map(({ number }: { number: number }) => number))
    cursor = `&cursor=${body.next_cursor}`
    if (body.next_cursor === null) break
  }
  expect(seen.sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
})

test('what is highlighted is marked, and everything else is escaped', async () => {
  const { call } = await begin('<script>alert("boat")</script> & <b>boats</b> &amp; <mark>x</mark>')
  const [hit] = (await search(call, 'boat')).items
  expect(hit.content).toContain('<script>')
  expect(hit.highlight).toContain('<mark>boat</mark>')
  expect(hit.highlight).toContain('<mark>boats</mark>')
  const left = hit.highlight.replaceAll('<mark>boat</mark>', '').replaceAll('<mark>boats</mark>', '')
  expect(left).not.toMatch(/[<>]/)
  expect(left).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/)
})

test('a search sees the messages of its own organization only', async () => {
  await begin('a common secret')
  const { call } = await begin('a common word')
  expect((await search(call, 'common secret')).items.map(({ content }: { content: string }) => content)).toEqual(['a common word'])
})
