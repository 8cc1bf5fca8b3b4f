import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Scope } from '../../shared/db/scope.ts'
import { type Running, run } from '../support/http.ts'
import { type Holder, holdLocks } from '../support/locks.ts'
import { measured } from '../support/metrics.ts'

let app: Running
let holder: Holder
const scope: Scope = { organization_id: 'org-retry', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }
beforeAll(async () => {
  app = await run()
  const { call } = await app.organization(scope.organization_id)
  for (const name of ['a', 'b']) await call('POST', `/agents/counters/${name}/increment`)
  holder = await holdLocks(app.database)
})
afterAll(async () => {
  await holder.close()
  await app.stop()
})

const add = (name: string, statement: string) => ({
  name: statement,
  text: 'update counters set value = value + 10 where organization_id = $1 and id = $2 returning value',
  values: [scope.organization_id, name],
})
const valueIn = async (name: string) => (await app.database.sql('select value from counters where id = $1', [name]))[0]?.value
const reset = () => app.database.sql('update counters set value = 1')

/** How often a statement ended in an error, by the metrics. */
const errorsOf = (statement: string): Promise<number> =>
  measured(app.shared.metrics, 'db_query_duration_seconds_count', `statement="${statement}",outcome="error"`)

for (const isolation of ['serializable', 'repeatable read'] as const)
  test(`a change that could not be serialized under ${isolation} is made again, on top of the other`, async () => {
    await reset()
    const name = `add ${isolation}`
    await holder.sql('begin')
    await holder.sql("update counters set value = value + 100 where id = 'a'")
    const change = app.shared.db.writeAt(isolation, scope, add('a', name))
    await holder.waiting(1)
    await holder.sql('commit')
    expect(await change).toEqual([['111']])
    expect(await valueIn('a')).toBe('111')
    expect(await errorsOf(name)).toBe(1)
  })

test('a change that a deadlock ended is made again, whole and once', async () => {
  await reset()
  await holder.sql("set deadlock_timeout = '1min'") // so that it is never this one that gives way
  await holder.sql('begin')
  await holder.sql("update counters set value = value + 100 where id = 'b'")
  const change = app.shared.db.write(scope, add('a', 'add first'), add('b', 'add second'))
  await holder.waiting(1)
  await holder.sql("update counters set value = value + 100 where id = 'a'")
  await holder.sql('commit')
  expect(await change).toEqual([['111']])
  expect([await valueIn('a'), await valueIn('b')]).toEqual(['111', '111'])
  expect(await errorsOf('add second')).toBe(1)
})

test('changes that can never be serialized are given up with 503', async () => {
  await reset()
  const fail = { name: 'fail', text: `do $$ begin raise exception 'again' using errcode = '40001'; end $$`, values: [] }
  await expect(app.shared.db.write(scope, add('a', 'add in vain'), fail)).rejects.toMatchObject({ code: 'unavailable', retryAfter: 1 })
  expect(await errorsOf('fail')).toBe(4)
  expect(await valueIn('a')).toBe('1')
})

test('a hundred serializable changes of one row are each made once or not at all', async () => {
  await reset()
  const changes = await Promise.allSettled(
    Array.from({ length: 100 }, () => app.shared.db.writeAt('serializable', scope, add('a', 'add many'))),
  )
  const made = changes.filter(({ status }) => status === 'fulfilled').length
  expect(made).toBeGreaterThan(0)
  for (const change of changes) if (change.status === 'rejected') expect(change.reason.code).toBe('unavailable')
  expect(await valueIn('a')).toBe(String(1 + 10 * made))
})

test('a statement that the server has forgotten is prepared anew', async () => {
  const read = { name: 'read one', text: 'select $1::int', values: [1] }
  await app.shared.db.read(scope, read)
  const forget = { name: 'forget', text: 'deallocate all', values: [] }
  await app.shared.db.session(run => run([forget]))
  expect(await app.shared.db.read(scope, read)).toEqual([['1']])
})
