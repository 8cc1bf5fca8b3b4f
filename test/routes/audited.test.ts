import { afterAll, beforeAll, expect, test } from 'vitest'
import { PLATFORM } from '../../shared/http/credentials.ts'
import { type Example, examples, type Made, makeOne } from '../support/examples.ts'
import { type Answer, type Call, type Running, run } from '../support/http.ts'

let app: Running
beforeAll(async () => {
  app = await run()
})
afterAll(() => app.stop())

type Described = { operationId: string; parameters?: { name: string }[]; 'x-role'?: string }
type Left = { actor: string; action: string; entity_type: string; entity_id: string; before: object | null; after: object | null }

type Judge = (operation: Described) => boolean
const isKeyed: Judge = ({ parameters = [] }) => parameters.some(({ name }) => name === 'Idempotency-Key')

/** The operations of the document that callers of these roles may write with, as examples name them: `patch /agents/:id`. */
const writing = async (roles = ['viewer', 'member', 'admin', 'owner'], isWriting = isKeyed): Promise<string[]> => {
  const { paths } = (await app.admin('GET', '/openapi.json')).body as { paths: Record<string, Record<string, Described>> }
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, one]) => roles.includes(one['x-role'] ?? ''))
      .filter(([method, one]) => method !== 'get' && (method !== 'post' || isWriting(one)))
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
  await call('POST', '/organizations/users', { id, ...credentials(id), role: 'owner' })
  return session(id)
}
const credentials = (id: string) => ({ email: `login-${id}@example.org`, password: 'correct horse battery' })
const session = async (id: string): Promise<string> =>
  (await app.as(undefined)('POST', '/organizations/sessions', credentials(id))).body.token

/** What a request leaves that leaves more than one event; of a batch, of a `where` and of many it is asked in another form than its example. */
const several: Record<string, string[]> = {
  'delete /organizations/me': ['remove api_key', 'remove api_key', 'remove api_key', 'remove organization', 'remove user', 'remove user'],
  'delete /organizations/users/:id/sessions': ['remove session', 'remove session'],
  'post /conversations': ['create conversation', 'create message'],
  'delete /conversations/:id': ['remove conversation', 'remove message'],
  'post /conversations/:id/messages': ['create message', 'update conversation'],
  'post /payments/intents/:id/confirm': ['create payment_transaction', 'update payment_intent'],
  'post /payments/intents/:id/capture': ['create payment_transaction', 'update payment_intent'],
  'post /payments/intents/:id/cancel': ['create payment_transaction', 'update payment_intent'],
  'post /payments/intents/:id/refund': ['create payment_transaction', 'update payment_intent'],
  'delete /database/tables/:table': ['remove record', 'remove table'],
  'post /database/tables/:table/records': ['create record', 'create record', 'create record'],
  'post /database/tables/:table/delete': ['remove record', 'remove record'],
  'post /database/batch': ['create record', 'create record', 'remove record', 'update record'],
  'post /rag/documents/delete': ['remove document', 'remove document'],
  'post /rag/faqs/delete': ['remove faq', 'remove faq'],
  'put /rag/documents/:id': ['create embedding_generation', 'update document'], // the first vectors of a caller's own
}
const larger: Record<string, (made: Made) => Pick<Example, 'body'>> = {
  'post /database/tables/:table/records': () => ({ body: { records: [{ data: { a: 1 } }, { data: { a: 1 } }, { data: { a: 2 } }] } }),
  'post /database/tables/:table/delete': () => ({ body: { where: { a: { $exists: false } } } }),
  'post /database/batch': ({ table, record }) => ({
    body: {
      operations: [
        ...['one', 'two'].map(id => ({ op: 'create', table, id, data: { a: 1 } })),
        { op: 'merge', table, id: record, data: { a: 1 } },
        { op: 'remove', table, id: 'one' },
      ],
    },
  }),
  'post /analytics/events': () => ({ body: { events: Array.from({ length: 7 }, () => ({ event_type: 'opened' })) } }),
}

test('every writing route of the document leaves one event of each record that it changes, with actor, request and difference', async () => {
  const names = await writing()
  expect(names.length).toBeGreaterThan(12)
  expect(Object.keys(several).filter(name => !names.includes(name))).toEqual([])
  for (const name of names) {
    const { id, key, call } = await app.organization()
    const keyId = (await call('GET', '/organizations/api-keys')).body.items[0].id
    const mark = `mark-${++serial}`
    const made = await makeOne(call, mark)
    const ofMany = name.endsWith('/delete') || name.endsWith('/me')
    if (ofMany) await makeOne(call, `mark-${++serial}`)
    if (ofMany) await call('POST', `/database/tables/${made.table}/records`, { data: { mark } })
    const token = name.includes('/sessions') ? await login(call, mark) : key
    if (name.endsWith('/sessions')) await session(mark)
    const of = { ...made, user: name.endsWith('/sessions') ? mark : made.user }
    const { path, body, headers } = { path: '/no-example', ...examples[name]?.(of), ...larger[name]?.(of) } as Example
    const asker = name.endsWith('/current') ? app.as(token) : call
    const { answer, left } = await trail(asker, (name.split(' ')[0] as string).toUpperCase(), path, body, headers)
    expect([name, answer.status < 300]).toEqual([name, true])
    expect([name, left.every(isWhole)]).toEqual([name, true])
    const brief = left.map(({ action, entity_type }) => `${action} ${entity_type}`).sort()
    expect([name, brief]).toEqual([name, several[name] ?? [expect.any(String)]])
    if (name === 'post /analytics/events') expect(left[0]?.after).toMatchObject({ count: 7 }) // one event a batch tells how many
    const subjects = name.includes('/sessions') ? undefined : subjectsOf(name, path, answer, id)
    for (const subject of subjects ?? []) expect([name, left.filter(one => isAbout(one, subject)).length]).toEqual([name, 1])
    for (const { actor } of left)
      expect([name, actor]).toEqual([name, name.endsWith('/current') ? expect.stringMatching(/^session:/) : `key:${keyId}`])
  }
}, 300_000)

/** What the platform writes with, and what that leaves; a dictionary's rows are told by test/migration, jobs change no record of a caller's. */
const ofThePlatform: Record<string, string[]> = {
  'post /organizations': ['create api_key', 'create organization', 'create user'],
  'post /migration/collections/:name/stage': ['update migration_stage'],
  'post /migration/collections/:name/import': ['create agent', 'create organization'],
  'post /migration/collections/:name/compare': [],
  'post /migration/collections/:name/verify': [],
}

test('what the platform writes leaves its events too: an organization, a dictionary, a change of stage under who asked for it', async () => {
  const names = (await writing(['platform'], () => true)).filter(name => !name.startsWith('post /jobs/'))
  expect(names.toSorted()).toEqual(Object.keys(ofThePlatform).toSorted())
  const { body: agents } = await app.admin('GET', '/migration/collections/agents')
  const requests: Record<string, [string, unknown]> = {
    'post /organizations': ['/organizations', { name: 'Audited', owner_email: `audited-${++serial}@example.org` }],
    'post /migration/collections/:name/stage': ['/migration/collections/agents/stage', { stage: 'rampdown', expected_epoch: agents.epoch }],
    'post /migration/collections/:name/import': ['/migration/collections/agents/import?organization=audited', { a: { name: 'A' } }],
    'post /migration/collections/:name/compare': ['/migration/collections/agents/compare?organization=audited', { a: { name: 'A' } }],
    'post /migration/collections/:name/verify': ['/migration/collections/agents/verify', undefined],
  }
  for (const name of Object.keys(ofThePlatform)) {
    const { left } = await trail(app.admin, 'POST', ...(requests[name] as [string, unknown]))
    expect([name, left.map(({ action, entity_type }) => `${action} ${entity_type}`).sort()]).toEqual([name, ofThePlatform[name]])
    for (const { actor } of left) expect([name, actor]).toEqual([name, 'admin'])
    if (name.endsWith('/stage'))
      expect(left).toMatchObject([
        {
          entity_id: 'agents',
          before: { stage: 'complete', epoch: agents.epoch },
          after: { stage: 'rampdown', epoch: agents.epoch + 1 },
        },
      ])
  }
})

test('a step that is refused leaves no event, and one of an organization that is nobody is sealed and verified as all are', async () => {
  const { body } = await app.admin('GET', '/migration/collections/counters')
  const step = (stage: string, expected_epoch: number) =>
    trail(app.admin, 'POST', '/migration/collections/counters/stage', { stage, expected_epoch })
  for (const [stage, epoch] of [
    ['live', body.epoch],
    ['rampdown', body.epoch + 7],
  ] as const) {
    const { answer, left } = await step(stage, epoch)
    expect([answer.status, left]).toEqual([409, []])
  }
  expect((await step('rampdown', body.epoch)).left.length).toBe(1)
  expect((await app.admin('POST', '/jobs/seal-audit')).status).toBe(200)
  const sealed = await app.database.sql<{ n: number }>('select max(total)::int as n from audit_blocks where organization_id = $1', [
    PLATFORM,
  ])
  const written = await app.database.sql<{ n: number }>('select count(*)::int as n from audit_events where organization_id = $1', [
    PLATFORM,
  ])
  expect(sealed).toEqual(written)
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
