import type { Running } from './http.ts'

/** An organization whose every record holds its mark, which no secret can hold by chance (no base64url has a dot). */
export type Tenant = {
  mark: string
  owner: string
  viewer: string
  agents: string[]
  conversations: string[]
  /** What its counter must have by now, and what it may have beside it (requests without an answer). */
  counted: number
  uncertain: number
}

/** Marks in a text. */
export const marksIn = (text: string): Set<string> => new Set(text.match(/mark\.\d+\./g))

export const makeTenant = async (app: Running, n: number): Promise<Tenant> => {
  const mark = `mark.${n}.`
  const { call, key } = await app.organization(`org-${mark}`)
  await call('PATCH', '/organizations/me', { name: mark, settings: { mark } })
  const viewer = await call('POST', '/organizations/api-keys', { name: mark, role: 'viewer' })
  const agent = await call('POST', '/agents', { name: mark })
  return { mark, owner: key, viewer: viewer.body.secret, agents: [agent.body.id], conversations: [], counted: 0, uncertain: 0 }
}

/** A request of a tenant, as data; `expects` is what a working service may answer. */
export type Asked = { method: string; path: string; body?: unknown; headers?: Record<string, string>; token?: string; expects: number[] }

/** What a tenant may ask. `other` is another tenant, whose records it must not reach; `pick` takes one of several. */
export type Kind = (own: Tenant, other: Tenant, pick: <T>(from: readonly T[]) => T, n: number) => Asked

const get = (path: string): Asked => ({ method: 'GET', path, expects: [200, 404] })
const post = (path: string, body: unknown, ...expects: number[]): Asked => ({ method: 'POST', path, body, expects })
const message = ({ mark }: Tenant, n: number) => ({ role: 'user', content: `A word ${n} of ${mark}`, metadata: { mark } })
const conversation = (own: Tenant, agent_id: string, n: number) => ({
  agent_id,
  metadata: { mark: own.mark },
  messages: [message(own, n)],
})

export const increment: Kind = ({ mark }) => post(`/agents/counters/${mark}/increment`, { by: 1 }, 200)

export const kinds: Record<string, Kind> = {
  read: (own, _, pick) => get(`/agents/${pick(own.agents)}`),
  list: (_own, _other, pick) => ({
    ...get(pick(['/agents', '/conversations', '/agents/counters', '/organizations/users', '/organizations/api-keys', '/audit/events'])),
    expects: [200],
  }),
  me: () => ({ ...get('/organizations/me'), expects: [200] }),
  search: () => ({ ...get('/conversations/search?q=word'), expects: [200] }),
  increment,
  incrementOnce: (own, _, pick) => ({
    ...post(`/agents/counters/other-${own.mark}/increment`, {}, 200, 409),
    headers: { 'idempotency-key': pick(['a', 'b', 'c']) },
  }),
  create: ({ mark }) => post('/agents', { name: mark, configuration: { mark } }, 201),
  createKept: ({ mark }, _, pick) => ({
    ...post('/agents', { name: mark }, 201, 409),
    headers: { 'idempotency-key': pick(['a', 'b', 'c']) },
  }),
  createTaken: own => post('/agents', { id: own.agents[0], name: own.mark }, 409),
  rename: (own, _, pick) => ({ method: 'PATCH', path: `/agents/${pick(own.agents)}`, body: { name: own.mark }, expects: [200, 404] }),
  renameStale: (own, _, pick) => ({
    method: 'PATCH',
    path: `/agents/${pick(own.agents)}`,
    body: { name: own.mark },
    headers: { 'if-match': '"1"' },
    expects: [412, 404],
  }),
  remove: (own, _, pick) => ({ method: 'DELETE', path: `/agents/${pick(own.agents.slice(1).concat('none'))}`, expects: [204, 404] }),
  converse: (own, _, pick, n) => post('/conversations', conversation(own, pick(own.agents), n), 201, 400),
  say: (own, _, pick, n) => post(`/conversations/${pick([...own.conversations, 'none'])}/messages`, message(own, n), 201, 404),
  hear: (own, _, pick) => get(`/conversations/${pick([...own.conversations, 'none'])}/messages`),
  settings: ({ mark }) => ({ method: 'PATCH', path: '/organizations/me', body: { settings: { mark } }, expects: [200] }),
  user: ({ mark }, _, _pick, n) => post('/organizations/users', { email: `${mark}${n}@example.org`, name: mark }, 201),
  key: ({ mark }) => post('/organizations/api-keys', { name: mark, role: 'viewer' }, 201),
  // what must not be reached
  readOther: (_, other, pick) => ({ ...get(`/agents/${pick(other.agents)}`), expects: [404] }),
  renameOther: (own, other, pick) => ({
    method: 'PATCH',
    path: `/agents/${pick(other.agents)}`,
    body: { name: own.mark },
    expects: [404],
  }),
  removeOther: (_, other, pick) => ({ method: 'DELETE', path: `/agents/${pick(other.agents)}`, expects: [404] }),
  sayOther: (own, other, pick, n) => post(`/conversations/${pick([...other.conversations, 'none'])}/messages`, message(own, n), 404),
  converseOther: (own, other, pick, n) => post('/conversations', conversation(own, pick(other.agents), n), 400),
  // what ends with an error: before the database, in its authentication, in a statement behind it
  badBody: () => post('/agents', { name: 7, unknown: true }, 400),
  stranger: ({ owner }) => ({ ...get('/agents'), token: `${owner.slice(0, -6)}AAAAAA`, expects: [401] }),
  forbidden: own => ({ ...post('/agents', { name: own.mark }, 403), token: own.viewer }),
  badTime: () => ({ ...get('/audit/events?from=0000-01-01T00:00:00Z'), expects: [400] }),
}
