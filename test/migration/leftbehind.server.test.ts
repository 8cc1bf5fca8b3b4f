import { afterAll, beforeAll, expect, test } from 'vitest'
import { Refusal } from '../../shared/errors.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import { makeTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Answer, callsOf, type Running, runOver } from '../support/http.ts'

/** `idle` served while its collections were complete, and hears of nothing since; `other` takes them back meanwhile. */
let database: TestDatabase
let idle: Running
let other: Running
beforeAll(async () => {
  database = await makeTestDatabase({ MIGRATION_INITIAL_STAGE: 'complete', MIGRATION_STAGE_CACHE_SECONDS: '1' })
  idle = await runOver({ ...database, drop: async () => {} })
  other = await runOver({ ...database, drop: async () => {} })
})
afterAll(async () => {
  await Promise.all([idle.stop(), other.stop()])
  await database.drop()
})

const stagedIn = ({ shared }: Running, name: string) => {
  const staged = shared.collections.get(name)
  if (!staged) throw new Error(`no collection ${name}`)
  return staged
}
const steps = async (by: Running, name: string, way: Stage[]) => {
  const { keeper, verify } = stagedIn(by, name)
  const step = async (to: Stage) => {
    const { stage } = (await keeper.enter()).row
    if (stage === 'shadow' || stage === 'live') await verify() // what the next step asks for
    return (await keeper.change(to, (await keeper.enter()).row.epoch)).stage
  }
  const patiently = (to: Stage) => step(to).catch(error => (error instanceof Refusal && error.retryAfter ? 'later' : Promise.reject(error)))
  for (const to of way) await expect.poll(() => patiently(to), { timeout: 10_000 }).toBe(to)
}
/** Asks again as long as it is told to. */
const insist = async (ask: () => Promise<Answer>): Promise<Answer> => {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 503 || !answer.headers.has('retry-after')) return answer
  }
}

const kinds = {
  database: {
    fill: { method: 'POST', path: '/database/tables/t/records', body: { records: [{ id: 'a', data: {} }] } },
    list: '/database/tables/t/records',
    remove: { method: 'POST', path: '/database/tables/t/delete', answer: { deleted: 1 } },
  },
  documents_store: {
    fill: { method: 'POST', path: '/rag/documents', body: { documents: [{ id: 'a', title: 'a', content: 'a', metadata: { n: 1 } }] } },
    list: '/rag/documents',
    remove: { method: 'POST', path: '/rag/documents/delete', answer: { deleted: 1 } },
  },
  faqs_store: {
    fill: { method: 'POST', path: '/rag/faqs', body: { faqs: [{ id: 'a', question: 'a', answer: 'a', category: 'c' }] } },
    list: '/rag/faqs',
    remove: { method: 'POST', path: '/rag/faqs/delete', answer: { deleted: 1 } },
  },
} as const

const names = Object.keys(kinds) as (keyof typeof kinds)[]
test.for(names.flatMap(name => (['no key', 'a key'] as const).map(key => [name, key] as const)))(
  'what a process left behind in complete removes from %s by a filter, under %s, is gone from its memory too',
  async ([name, key]) => {
    const { fill, list, remove } = kinds[name]
    const { key: token } = await idle.organization()
    const call = callsOf(idle.url, token)
    if (name === 'database') expect((await call('PUT', '/database/tables/t', { columns: {} })).status).toBe(201)
    expect((await insist(() => call(fill.method, fill.path, fill.body))).status).toBe(201)
    expect(stagedIn(idle, name).keeper.stage()).toBe('complete')

    await steps(other, name, ['rampdown', 'live'])
    await stagedIn(other, name).keeper.release()
    const headers = key === 'no key' ? {} : { 'idempotency-key': key }
    const { status, body } = await insist(() => call(remove.method, remove.path, { where: {} }, headers))
    expect([status, body]).toEqual([200, remove.answer])

    expect(await stagedIn(idle, name).verify()).toMatchObject({ equal: true })
    await steps(idle, name, ['shadow', 'dualwrite'])
    expect((await call('GET', list)).body.items).toEqual([])
    await steps(idle, name, ['shadow', 'live', 'rampdown', 'complete'])
  },
)

test('a process left behind in complete removes a table with its records, and both from its memory', async () => {
  const { key: token } = await idle.organization()
  const call = callsOf(idle.url, token)
  await call('PUT', '/database/tables/t', { columns: {} })
  await insist(() => call('POST', kinds.database.fill.path, kinds.database.fill.body))
  await steps(other, 'database', ['rampdown', 'live'])
  await stagedIn(other, 'database').keeper.release()
  expect((await insist(() => call('DELETE', '/database/tables/t'))).status).toBeLessThan(300)
  expect(await stagedIn(idle, 'database').verify()).toMatchObject({ equal: true })
}, 15_000)
