/** A request as data; `{n}` in its path, body and key is another number each time, `{row}` one below 50. */
export type Drawn = { weight: number; method: string; path: string; body?: string; key?: string }

/** Rows that the mix reads and changes, so that writers do not stand in line for one row alone. */
export const ROWS = 50

type Call = (method: string, path: string, body: unknown) => Promise<unknown>

/** Makes what `MIX` asks for. */
export const makeRows = async (call: Call): Promise<void> => {
  await call('PUT', '/database/tables/rooms', { columns: { name: 'string', price: { type: 'number', indexed: true } } })
  const numbers = Array.from({ length: ROWS }, (_, row) => row)
  await call('POST', '/database/tables/rooms/records', {
    records: numbers.map(row => ({ id: `room-${row}`, data: { name: `Room ${row}`, price: row } })),
  })
  for (const row of numbers) {
    await call('POST', '/agents', { id: `agent-${row}`, name: `Agent ${row}`, configuration: { tone: 'warm' } })
    await call('POST', '/conversations', {
      ...{ id: `talk-${row}`, agent_id: `agent-${row}` },
      messages: [{ role: 'user', content: `Is breakfast included in room ${row}?` }],
    })
  }
}

/** What a hotel's concierge asks for: four reads to one write, across domains. */
export const MIX: Drawn[] = [
  { weight: 40, method: 'GET', path: '/agents/agent-{row}' },
  { weight: 15, method: 'GET', path: '/database/tables/rooms/records/room-{row}' },
  { weight: 10, method: 'GET', path: '/conversations/talk-{row}/messages?limit=5' },
  { weight: 10, method: 'GET', path: '/agents?limit=10' },
  { weight: 5, method: 'POST', path: '/database/tables/rooms/query', body: '{"where":{"price":{"$gte":{row}}},"limit":5}' },
  { weight: 6, method: 'POST', path: '/conversations/talk-{row}/messages', body: '{"role":"user","content":"Message {n}"}' },
  { weight: 5, method: 'POST', path: '/agents/counters/asked-{row}/increment', body: '{"by":1}' },
  { weight: 4, method: 'PATCH', path: '/database/tables/rooms/records/room-{row}', body: '{"data":{"name":"Room {n}"}}' },
  { weight: 3, method: 'POST', path: '/analytics/events', body: '{"event_type":"asked","agent_id":"agent-{row}"}' },
  { weight: 2, method: 'POST', path: '/payments/intents', body: '{"amount":1999,"currency":"usd","confirm":true}', key: 'pay-{n}' },
]

const weightOf = (mix: readonly Drawn[]): number => mix.reduce((sum, { weight }) => sum + weight, 0)

const drawnAt = (mix: readonly Drawn[], place: number): Drawn => {
  const [first, ...rest] = mix as [Drawn, ...Drawn[]]
  return place < first.weight ? first : drawnAt(rest, place - first.weight)
}

/** The bytes of request number `n` of a mix: which one it is follows from `n` alone, spread as its weights say. */
export const bytesOf = (mix: readonly Drawn[], token: string, n: number): Buffer => {
  const drawn = drawnAt(mix, (n * 7919) % weightOf(mix)) // a prime, so that all of them come within a second
  const filled = (text: string) => text.replaceAll('{n}', String(n)).replaceAll('{row}', String((n * 31) % ROWS))
  const body = Buffer.from(filled(drawn.body ?? ''))
  const head = [
    `${drawn.method} ${filled(drawn.path)} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${token}`,
    ...(drawn.key === undefined ? [] : [`idempotency-key: ${filled(drawn.key)}`]),
    ...(body.length === 0 ? [] : ['content-type: application/json', `content-length: ${body.length}`]),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body])
}
