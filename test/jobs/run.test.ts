import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresRuns } from '../../functions/jobs/postgres.ts'
import { makeRunner, type Runner } from '../../functions/jobs/run.ts'
import { plain } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { Refusal } from '../../shared/errors.ts'
import { type Job, jobOf } from '../../shared/job.ts'
import { parse } from '../../shared/record.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let shared: Shared
let run: Runner
const scope: Scope = { organization_id: '', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }
beforeAll(async () => {
  database = await makeTestDatabase({ LOG_LEVEL: 'silent' })
  shared = await shareTest(database)
  run = makeRunner(postgresRuns(shared.db), shared.log, shared.metrics)
})
afterAll(async () => {
  await shared.close()
  await database.drop()
})

let serial = 0
const job = (work: Job['run']): Job => ({ name: `job-${++serial}`, summary: 'A job', run: work })

/** A gate that work waits at. */
const gate = () => {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, opened }
}

test('while a job is under way, who asks for it again is told of that run, and it is done once', async () => {
  const { open, opened } = gate()
  let done = 0
  const slow = job(async inside => {
    await shared.db.write(inside, plain('select 1'))
    await opened
    return ++done
  })
  const first = run(scope, slow)
  const others = await Promise.all([run(scope, slow), run(scope, slow)])
  for (const { run: other, ours } of others) expect([ours, parse(other).outcome]).toEqual([false, 'running'])
  open()
  const { run: whole, ours } = await first
  expect([ours, parse(whole)]).toMatchObject([true, { id: others[0].run.id, outcome: 'succeeded', rows: 1 }])
  expect((await run(scope, slow)).ours).toBe(true)
  expect(done).toBe(2)
})

test('other jobs run beside it where there are connections, and none waits for its lock', async () => {
  const [one, other] = [job(async () => 1), job(async () => 2)]
  const both = await Promise.all([run(scope, one), run(scope, other)])
  expect(both.map(({ run: row }) => parse(row).rows)).toEqual([1, 2])
})

test('a job works as agenthub_jobs, on the connection that holds its lock', async () => {
  const seen: unknown[] = []
  await run(
    scope,
    job(async inside => {
      const text = "select current_user, (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())"
      seen.push(...(await shared.db.read(inside, { name: 'look', text, values: [] })))
      return 0
    }),
  )
  expect(seen).toEqual([['agenthub_jobs', '1']])
})

test('a transaction of a job that fails is undone, and its connection goes on', async () => {
  const wrong = { name: 'wrong', text: 'select 1 / 0', values: [] }
  const mended = job(async inside => {
    await expect(shared.db.writeAt('serializable', inside, wrong)).rejects.toMatchObject({ code: '22012' })
    return (await shared.db.write(inside, plain('select 1'))).length
  })
  expect(parse((await run(scope, mended)).run)).toMatchObject({ outcome: 'succeeded', rows: 1 })
})

test('a failed job throws what makes a scheduler try again, and leaves neither its lock nor a running run', async () => {
  for (const [error, code] of [
    [new Error('a mistake'), 'internal'],
    [new Refusal('conflict', 'no'), 'internal'],
    [new Refusal('unavailable', 'away', { retryAfter: 7 }), 'unavailable'],
  ] as const) {
    let fails = true
    const failing = job(async () => {
      if (fails) throw error
      return 1
    })
    await expect(run(scope, failing)).rejects.toMatchObject({ code, retryAfter: code === 'internal' ? undefined : 7 })
    const [row] = await database.sql('select outcome, error from job_runs where name = $1', [failing.name])
    expect(row).toEqual({ outcome: 'failed', error: error.message })
    fails = false
    expect((await run(scope, failing)).ours).toBe(true)
  }
})

test('a part that fails keeps no other part from its work, and the job names it', async () => {
  const worked: string[] = []
  const part = (name: string, fails = false) => ({
    name,
    run: async () => {
      if (fails) throw new Error('broken')
      worked.push(name)
      return 1
    },
  })
  const parted = jobOf('parted', 'In parts', [part('one'), part('two', true), part('three')])
  await expect(run(scope, parted)).rejects.toThrow('parted failed')
  expect(worked).toEqual(['one', 'three'])
  const [row] = await database.sql("select error from job_runs where name = 'parted'")
  expect(row).toEqual({ error: 'two: broken' })
})

test('a run that a lost process left behind has failed as soon as the job is begun again', async () => {
  const again = job(async () => 3)
  await database.sql('insert into job_runs (id, name) values ($1, $2)', ['left', again.name])
  const { run: row, ours } = await run(scope, again)
  expect([ours, parse(row).rows]).toEqual([true, 3])
  const [left] = await database.sql(`select outcome, error, finished_at is null as open from job_runs where id = 'left'`)
  expect(left).toEqual({ outcome: 'failed', error: 'its process or its connection was lost', open: false })
})
