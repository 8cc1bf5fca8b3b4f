import type { Answer, Call } from './http.ts'

/** One record of everything, as made in one organization. */
export type Made = {
  agent: string
  counter: string
  conversation: string
  user: string
  key: string
  intent: string
  draft: string
  hold: string
  transaction: string
  table: string
  record: string
  metric: string
  document: string
  entry: string
  faq: string
}

/** A request that a route accepts for the records of `made`. */
export type Example = { path: string; body?: unknown; headers?: Record<string, string> }

let serial = 0
const unique = () => `example-${++serial}`
const keyed = () => ({ 'idempotency-key': unique() })

/** Makes one record of everything; `mark` stands in each of them. */
export const makeOne = async (call: (...asked: Parameters<Call>) => Promise<Pick<Answer, 'body'>>, mark: string): Promise<Made> => {
  const id = async (path: string, body: unknown, headers?: Record<string, string>) =>
    (await call('POST', path, body, headers)).body.id as string
  const agent = await id('/agents', { name: mark, configuration: { mark } })
  const counter = `counter-${mark}`
  await call('POST', `/agents/counters/${counter}/increment`, { by: 7 })
  const metric = `metric-${mark}`
  await call('PUT', `/analytics/metrics/${metric}`, { value: { mark } })
  await call('PUT', '/knowledge/embeddings', { model: 'example', items: [{ hash: mark, embedding: [1, 2] }] })
  await call('POST', '/analytics/events', { event_type: mark, agent_id: agent })
  const table = `table-${mark}`
  await call('PUT', `/database/tables/${table}`, { columns: { mark: 'string' } })
  const messages = [{ role: 'user', content: `A word from ${mark}` }]
  const payment = { amount: 1000, currency: 'usd', confirm: true, metadata: { mark } }
  const intent = await id('/payments/intents', payment, keyed())
  await call('POST', `/payments/intents/${intent}/refund`, { amount: 1, reason: mark }, keyed())
  return {
    agent,
    counter,
    intent,
    draft: await id('/payments/intents', { ...payment, confirm: false }, keyed()),
    hold: await id('/payments/intents', { ...payment, capture_method: 'manual' }, keyed()),
    transaction: (await call('GET', `/payments/transactions?intent_id=${intent}`)).body.items[0].id,
    conversation: await id('/conversations', { agent_id: agent, metadata: { mark }, messages }),
    table,
    record: await id(`/database/tables/${table}/records`, { data: { mark } }),
    user: await id('/organizations/users', { email: `${mark}@example.org`, name: mark, role: 'member' }),
    metric,
    document: await id('/rag/documents', { title: mark, content: `Of ${mark}.`, metadata: { mark } }),
    entry: await id('/knowledge/entries', { agent_id: agent, title: mark, content: `A word from ${mark}`, tags: [mark] }),
    faq: await id('/rag/faqs', { question: `What is ${mark}?`, answer: mark, category: mark, metadata: { mark }, embedding: [1, 2] }),
    key: await id('/organizations/api-keys', { name: mark, role: 'viewer' }),
  }
}

/** A request for each route that a tenant calls, by method and path as they are declared. */
export const examples: Record<string, (made: Made) => Example> = {
  'get /agents': () => ({ path: '/agents' }),
  'post /agents': () => ({ path: '/agents', body: { name: 'New' } }),
  'get /agents/:id': ({ agent }) => ({ path: `/agents/${agent}` }),
  'patch /agents/:id': ({ agent }) => ({ path: `/agents/${agent}`, body: { name: 'Changed' } }),
  'delete /agents/:id': ({ agent }) => ({ path: `/agents/${agent}` }),
  'get /agents/counters': () => ({ path: '/agents/counters' }),
  'get /agents/counters/:name': ({ counter }) => ({ path: `/agents/counters/${counter}` }),
  'post /agents/counters/:name/increment': ({ counter }) => ({ path: `/agents/counters/${counter}/increment`, body: { by: '0.5' } }),
  'get /analytics/events': () => ({ path: '/analytics/events' }),
  'post /analytics/events': ({ agent }) => ({ path: '/analytics/events', body: { event_type: 'opened', agent_id: agent } }),
  'get /analytics/timeseries': () => ({ path: '/analytics/timeseries?interval=day&group_by=event_type' }),
  'get /analytics/reports': () => ({ path: '/analytics/reports' }),
  'get /analytics/reports/:name': () => ({ path: '/analytics/reports/daily_events' }),
  'put /analytics/metrics/:key': ({ metric }) => ({ path: `/analytics/metrics/${metric}`, body: { value: 1 } }),
  'get /analytics/metrics/:key': ({ metric }) => ({ path: `/analytics/metrics/${metric}` }),
  'delete /analytics/metrics/:key': ({ metric }) => ({ path: `/analytics/metrics/${metric}` }),
  'get /conversations': () => ({ path: '/conversations' }),
  'post /conversations': ({ agent }) => ({
    path: '/conversations',
    body: { agent_id: agent, messages: [{ role: 'user', content: 'Hello' }] },
  }),
  'get /conversations/search': () => ({ path: '/conversations/search?q=word' }),
  'get /conversations/:id': ({ conversation }) => ({ path: `/conversations/${conversation}` }),
  'patch /conversations/:id': ({ conversation }) => ({ path: `/conversations/${conversation}`, body: { metadata: { a: 1 } } }),
  'delete /conversations/:id': ({ conversation }) => ({ path: `/conversations/${conversation}` }),
  'get /conversations/:id/messages': ({ conversation }) => ({ path: `/conversations/${conversation}/messages` }),
  'post /conversations/:id/messages': ({ conversation }) => ({
    path: `/conversations/${conversation}/messages`,
    body: { role: 'user', content: 'One more' },
  }),
  'post /knowledge/entries': ({ agent }) => ({ path: '/knowledge/entries', body: { agent_id: agent, title: 'New', content: 'Content' } }),
  'get /knowledge/entries': () => ({ path: '/knowledge/entries' }),
  'get /knowledge/entries/:id': ({ entry }) => ({ path: `/knowledge/entries/${entry}` }),
  'patch /knowledge/entries/:id': ({ entry }) => ({ path: `/knowledge/entries/${entry}`, body: { title: 'Changed' } }),
  'delete /knowledge/entries/:id': ({ entry }) => ({ path: `/knowledge/entries/${entry}` }),
  'put /knowledge/embeddings': () => ({
    path: '/knowledge/embeddings',
    body: { model: 'example', items: [{ text: 'a text', embedding: [0.5, 1] }] },
  }),
  'post /knowledge/embeddings/lookup': () => ({ path: '/knowledge/embeddings/lookup', body: { model: 'example', hashes: ['a', 'b'] } }),
  'post /knowledge/search': () => ({ path: '/knowledge/search', body: { query: 'of' } }),
  'post /rag/search': () => ({ path: '/rag/search', body: { query: 'of' } }),
  'post /rag/documents': () => ({
    path: '/rag/documents',
    body: { title: 'Example', content: 'A text.', chunks: [{ content: 'A text.' }] },
  }),
  'get /rag/documents': () => ({ path: '/rag/documents' }),
  'post /rag/documents/delete': () => ({ path: '/rag/documents/delete', body: { where: { mark: { $exists: true } } } }),
  'get /rag/documents/:id': ({ document }) => ({ path: `/rag/documents/${document}` }),
  'put /rag/documents/:id': ({ document }) => ({
    path: `/rag/documents/${document}`,
    body: { title: 'Example', content: 'A text.', embedding: [1, 0.5] },
  }),
  'patch /rag/documents/:id': ({ document }) => ({ path: `/rag/documents/${document}`, body: { title: 'Changed' } }),
  'delete /rag/documents/:id': ({ document }) => ({ path: `/rag/documents/${document}` }),
  'post /payments/intents': () => ({ path: '/payments/intents', body: { amount: 500, currency: 'eur' }, headers: keyed() }),
  'get /payments/intents': () => ({ path: '/payments/intents' }),
  'get /payments/intents/:id': ({ intent }) => ({ path: `/payments/intents/${intent}` }),
  'patch /payments/intents/:id': ({ intent }) => ({ path: `/payments/intents/${intent}`, body: { metadata: { a: 1 } } }),
  'post /payments/intents/:id/confirm': ({ draft }) => ({ path: `/payments/intents/${draft}/confirm`, body: {}, headers: keyed() }),
  'post /payments/intents/:id/capture': ({ hold }) => ({
    path: `/payments/intents/${hold}/capture`,
    body: { amount: 1 },
    headers: keyed(),
  }),
  'post /payments/intents/:id/cancel': ({ hold }) => ({ path: `/payments/intents/${hold}/cancel`, body: {}, headers: keyed() }),
  'post /payments/intents/:id/refund': ({ intent }) => ({
    path: `/payments/intents/${intent}/refund`,
    body: { amount: 1 },
    headers: keyed(),
  }),
  'get /payments/transactions': () => ({ path: '/payments/transactions' }),
  'get /payments/transactions/:id': ({ transaction }) => ({ path: `/payments/transactions/${transaction}` }),
  'get /payments/balance': () => ({ path: '/payments/balance' }),
  'post /rag/faqs': () => ({ path: '/rag/faqs', body: { question: 'When?', answer: 'Now.' } }),
  'get /rag/faqs': () => ({ path: '/rag/faqs' }),
  'get /rag/faqs/:id': ({ faq }) => ({ path: `/rag/faqs/${faq}` }),
  'put /rag/faqs/:id': ({ faq }) => ({ path: `/rag/faqs/${faq}`, body: { question: 'When?', answer: 'Now.', embedding: [1] } }),
  'patch /rag/faqs/:id': ({ faq }) => ({ path: `/rag/faqs/${faq}`, body: { answer: 'Then.' } }),
  'delete /rag/faqs/:id': ({ faq }) => ({ path: `/rag/faqs/${faq}` }),
  'post /rag/faqs/delete': () => ({ path: '/rag/faqs/delete', body: { where: { mark: { $exists: true } } } }),
  'get /database/tables': () => ({ path: '/database/tables' }),
  'get /database/tables/:table': ({ table }) => ({ path: `/database/tables/${table}` }),
  'put /database/tables/:table': ({ table }) => ({ path: `/database/tables/${table}`, body: { columns: {} } }),
  'delete /database/tables/:table': ({ table }) => ({ path: `/database/tables/${table}` }),
  'get /database/tables/:table/records': ({ table }) => ({ path: `/database/tables/${table}/records` }),
  'post /database/tables/:table/records': ({ table }) => ({ path: `/database/tables/${table}/records`, body: { data: { a: 1 } } }),
  'get /database/tables/:table/records/:id': ({ table, record }) => ({ path: `/database/tables/${table}/records/${record}` }),
  'put /database/tables/:table/records/:id': ({ table, record }) => ({
    path: `/database/tables/${table}/records/${record}`,
    body: { data: { a: 1 } },
  }),
  'patch /database/tables/:table/records/:id': ({ table, record }) => ({
    path: `/database/tables/${table}/records/${record}`,
    body: { data: { a: 1 } },
  }),
  'delete /database/tables/:table/records/:id': ({ table, record }) => ({ path: `/database/tables/${table}/records/${record}` }),
  'post /database/tables/:table/query': ({ table }) => ({
    path: `/database/tables/${table}/query`,
    body: { where: { a: { $exists: false } } },
  }),
  'post /database/tables/:table/delete': ({ table }) => ({ path: `/database/tables/${table}/delete`, body: { where: { a: 1 } } }),
  'post /database/batch': ({ table, record }) => ({
    path: '/database/batch',
    body: { operations: [{ op: 'merge', table, id: record, data: { a: 1 } }] },
  }),
  'get /organizations/me': () => ({ path: '/organizations/me' }),
  'patch /organizations/me': () => ({ path: '/organizations/me', body: { settings: { a: 1 } } }),
  'delete /organizations/me': () => ({ path: '/organizations/me' }),
  'get /organizations/users': () => ({ path: '/organizations/users' }),
  'post /organizations/users': () => ({ path: '/organizations/users', body: { email: `${unique()}@example.org` } }),
  'get /organizations/users/:id': ({ user }) => ({ path: `/organizations/users/${user}` }),
  'patch /organizations/users/:id': ({ user }) => ({ path: `/organizations/users/${user}`, body: { name: 'Changed' } }),
  'delete /organizations/users/:id': ({ user }) => ({ path: `/organizations/users/${user}` }),
  'delete /organizations/users/:id/sessions': ({ user }) => ({ path: `/organizations/users/${user}/sessions` }),
  'get /organizations/api-keys': () => ({ path: '/organizations/api-keys' }),
  'post /organizations/api-keys': () => ({ path: '/organizations/api-keys', body: { name: 'New', role: 'viewer' } }),
  'delete /organizations/api-keys/:id': ({ key }) => ({ path: `/organizations/api-keys/${key}` }),
  'delete /organizations/sessions/current': () => ({ path: '/organizations/sessions/current' }),
  'get /audit/events': () => ({ path: '/audit/events?action=create' }),
  'get /audit/verify': () => ({ path: '/audit/verify' }),
  'get /audit/export': () => ({ path: '/audit/export?action=create' }),
}
