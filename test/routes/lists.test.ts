import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

/** Everything a list holds, one record a page. */
const walk = async (call: Call, path: string): Promise<unknown[]> => {
  const items: unknown[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body }: Awaited<ReturnType<Call>> = await call('GET', `${path}?limit=1${cursor && `&cursor=${cursor}`}`)
    expect([path, status]).toEqual([path, 200])
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}

test('every list read one record a page holds what it holds in one page, in the same order', async () => {
  const { call, id } = await app.organization()
  for (const name of ['One', 'Two', 'Three']) {
    await call('POST', '/agents', { name, id: name })
    await call('POST', `/agents/counters/${name}/increment`, {})
    await call('POST', '/organizations/api-keys', { name, role: 'viewer' })
    await call('POST', '/organizations/users', { email: `${name}.${id}@example.com`, role: 'viewer' })
    await call('POST', '/conversations', { id: name, agent_id: 'One', messages: [{ role: 'user', content: name }] })
    const payment = { id: name, amount: 5, currency: 'usd', confirm: true }
    await call('POST', '/payments/intents', payment, { 'idempotency-key': name })
    await call('PUT', `/database/tables/${name}`, { columns: {} })
    if (name === 'One') for (const id of ['a', 'b', 'c']) await call('POST', '/database/tables/One/records', { id, data: { id } })
    await call('POST', '/conversations/One/messages', { messages: [{ role: 'user', content: name }] })
  }
  const lists = [
    '/organizations/users',
    '/organizations/api-keys',
    '/agents',
    '/agents/counters',
    '/conversations',
    '/conversations/One/messages',
    '/payments/intents',
    '/payments/transactions',
    '/database/tables',
    '/database/tables/One/records',
    '/audit/events',
  ]
  for (const path of lists) {
    const whole = await call('GET', `${path}?limit=200`)
    expect([path, whole.body.items?.length > 2, whole.body.next_cursor]).toEqual([path, true, null])
    expect(await walk(call, path)).toEqual(whole.body.items)
  }
})
