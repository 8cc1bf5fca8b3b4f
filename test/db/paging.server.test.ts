import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

const RECORDS = 60

/** A list, how to make a record of it, and how to remove one; `key` is what tells its records apart. */
type List = { path: string; key: string; make(call: Call, n: number): Promise<string>; remove?(call: Call, id: string): Promise<unknown> }

const make = async (call: Call, path: string, body: unknown): Promise<string> => (await call('POST', path, body)).body.id

const lists: List[] = [
  {
    path: '/agents',
    key: 'id',
    make: (call, n) => make(call, '/agents', { name: `Agent ${n}` }),
    remove: (call, id) => call('DELETE', `/agents/${id}`),
  },
  {
    path: '/conversations',
    key: 'id',
    make: (call, n) => make(call, '/conversations', { agent_id: 'a', metadata: { n } }),
    remove: (call, id) => call('DELETE', `/conversations/${id}`),
  },
  {
    path: '/organizations/users',
    key: 'id',
    make: (call, n) => make(call, '/organizations/users', { email: `u${n}.${Math.random()}@example.org` }),
    remove: (call, id) => call('DELETE', `/organizations/users/${id}`),
  },
  {
    path: '/organizations/api-keys',
    key: 'id',
    make: (call, n) => make(call, '/organizations/api-keys', { name: `${n}`, role: 'viewer' }),
  },
  {
    path: '/agents/counters',
    key: 'name',
    // spread over the alphabet, so that new ones come before and behind the walk
    make: async (call, n) => (await call('POST', `/agents/counters/${(n * 7919) % 997}-${n}/increment`)).body.name,
  },
  {
    path: '/conversations/c/messages',
    key: 'id',
    make: (call, n) => make(call, '/conversations/c/messages', { role: 'user', content: `word ${n}` }),
  },
  {
    path: '/conversations/search?q=word',
    key: 'number',
    make: async (call, n) => String((await call('POST', '/conversations/c/messages', { role: 'user', content: `word ${n}` })).body.number),
  },
]

/** Walks through the list page by page while records come, and every second one goes, beside each page. */
const walkBeside = async (call: Call, { path, key, make, remove }: List, first: number): Promise<string[]> => {
  const seen: string[] = []
  const page = async (cursor: string): Promise<string | null> => {
    const { status, body } = await call('GET', `${path}${path.includes('?') ? '&' : '?'}limit=3${cursor && `&cursor=${cursor}`}`)
    expect(status).toBe(200)
    seen.push(...body.items.map((item: Record<string, unknown>) => String(item[key])))
    return body.next_cursor
  }
  const churn = async (n: number) => {
    const id = await make(call, first + n)
    if (n % 2 === 0) await remove?.(call, id)
  }
  for (let [cursor, n]: [string | null, number] = ['', 0]; cursor !== null; n++) [cursor] = await Promise.all([page(cursor), churn(n)])
  return seen
}

for (const list of lists)
  test(`a walk through ${list.path} shows what is there throughout once, while others come and go`, async () => {
    const { call } = await app.organization()
    await call('POST', '/agents', { id: 'a', name: 'Agent' })
    await call('POST', '/conversations', { id: 'c', agent_id: 'a' })
    const there = await Promise.all(Array.from({ length: RECORDS }, (_, n) => list.make(call, n)))
    const seen = await walkBeside(call, list, RECORDS)
    const stayed = new Set(there)
    expect(seen.filter(id => stayed.has(id)).sort()).toEqual([...there].sort())
    expect(new Set(seen).size).toBe(seen.length)
  })
