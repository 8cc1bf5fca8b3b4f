import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Example, examples, makeOne } from '../support/examples.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

type Described = { operationId: string; parameters?: { name: string }[]; 'x-role'?: string }
type Left = { actor: string; action: string; entity_type: string; entity_id: string; before: object | null; after: object | null }

/** The operations of the document that an organization's callers may write with, as examples name them: `patch /agents/:id`. */
const writing = async (): Promise<string[]> => {
  const { paths } = (await app.admin('GET', '/openapi.json')).body as { paths: Record<string, Record<string, Described>> }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, one]) => ['member', 'admin', 'owner'].includes(one['x-role'] ?? ''))
      .filter(
        ([method, { parameters = [] }]) =>
          method !== 'get' && (method !== 'post' || parameters.some(({ name }) => name === 'Idempotency-Key')),
      )
      .map(([method]) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
}

let serial = 0
/** Makes a request under an id of its own, and tells what it left in the audit. */
const trail = async (call: Call, method: string, path: string, body?: unknown, headers = {}): Promise<{ answer: Answer; left: Left[] }> => {
  const request = `audited-${++serial}`
  const answer = await call(method, path, body, { 'x-request-id': request, ...headers })
  const text = 'select actor, action, entity_type, entity_id, before, after from audit_events where request_id = $1 order by id'
  return { answer, left: await app.database.sql<Left>(text, [request]) }
}

/**
 * The records that a request is about: those that its answer names, else the one at the end of its path, else (nothing but words in
 * it) the organization. Undefined where neither tells: `delete` with a `where`, a batch, a number of things stored.
 */
const subjectsOf = (name: string, path: string, { body }: Answer, organization: string): string[] | undefined => {
  if (Array.isArray(body?.items)) return body.items.map(({ id }: { id: string }) => id)
  const named = body?.id ?? body?.name ?? body?.key
  if (typeof named === 'string') return [named]
  const [method, pattern = ''] = name.split(' ')
  if (pattern.endsWith('/me')) return [organization]
  if (method === 'post' || body?.stored !== undefined) return undefined
  return [decodeURIComponent(path.split('/').at(-1) as string)]
}

/** A record of a user's table has its table's name before its own. */
const isAbout = ({ entity_id }: Left, subject: string): boolean => entity_id === subject || entity_id.endsWith(`/${subject}`)

/** What an event of an action must hold: an update both sides, and of the same fields. */
const isWhole = ({ action, before, after }: Left): boolean => {
  if (action === 'create') return after !== null
  if (action === 'remove') return before !== null
  return before !== null && after !== null && Object.keys({ ...before, ...after }).length > 0
}

const login = async (call: Call, id: string): Promise<string> => {
  const [email, password] = [`login-${id}@example.org`, 'correct horse battery']
  await call('POST', '/organizations/users', { id, email, password, role: 'owner' })
  return (await app.as(undefined)('POST', '/organizations/sessions', { email, password })).body.token
}

test('every writing route of the document leaves one event of each record that it is about, with actor, request and difference', async () => {
  const { id, key, call } = await app.organization()
  const keyId = (await call('GET', '/organizations/api-keys')).body.items[0].id
  const names = (await writing()).sort((a, b) => Number(a.endsWith('/me')) - Number(b.endsWith('/me')))
  expect(names.length).toBeGreaterThan(12)
  for (const name of names) {
    const mark = `mark-${++serial}`
    const made = await makeOne(call, mark)
    const token = name.includes('/sessions') ? await login(call, mark) : key
    const { path, body, headers } =
      examples[name]?.({ ...made, user: name.endsWith('/sessions') ? mark : made.user }) ?? ({ path: '/no-example' } as Example)
    const asker = name.endsWith('/current') ? app.as(token) : call
    const { answer, left } = await trail(asker, (name.split(' ')[0] as string).toUpperCase(), path, body, headers)
    expect([name, answer.status < 300]).toEqual([name, true])
    expect([name, left.every(isWhole)]).toEqual([name, true])
    expect([name, left.length > 0]).toEqual([name, answer.body?.deleted !== 0]) // a `where` that nothing meets
    const subjects = name.includes('/sessions') ? undefined : subjectsOf(name, path, answer, id)
    for (const subject of subjects ?? []) expect([name, left.filter(one => isAbout(one, subject)).length]).toEqual([name, 1])
    for (const { actor } of left)
      expect([name, actor]).toEqual([name, name.endsWith('/current') ? expect.stringMatching(/^session:/) : `key:${keyId}`])
  }
})

test('a write that is rolled back leaves no event, by whatever it ends', async () => {
  const { call } = await app.organization()
  const { agent, conversation } = await makeOne(call, 'rolled-back')
  const { body } = await call('GET', `/agents/${agent}`)
  const endings: [number, string, string, unknown, object?][] = [
    [412, 'PATCH', `/agents/${agent}`, { name: 'Late' }, { 'if-match': `"${body.version - 1}"` }],
    [409, 'POST', '/agents', { id: agent, name: 'Taken' }, { 'idempotency-key': 'taken' }],
    [404, 'PATCH', '/agents/nobody', { name: 'Nobody' }],
    [
      400,
      'POST',
      '/conversations',
      { agent_id: 'nobody', messages: [{ role: 'user', content: 'Unheard' }] },
      { 'idempotency-key': 'unheard' },
    ],
  ]
  for (const [status, method, path, sent, headers] of endings) {
    const { answer, left } = await trail(call, method, path, sent, headers)
    expect([path, answer.status, left]).toEqual([path, status, []])
  }
  await app.database.sql(`create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$`)
  await app.database.sql(
    'create constraint trigger refused after insert on messages deferrable initially deferred for each row execute function refuse()',
  )
  const { answer, left } = await trail(call, 'POST', `/conversations/${conversation}/messages`, { role: 'user', content: 'Undone' })
  await app.database.sql('drop trigger refused on messages')
  expect([answer.status, left]).toEqual([500, []])
})
