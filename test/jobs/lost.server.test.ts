import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresRuns } from '../../functions/jobs/postgres.ts'
import { makeRunner, type Runner } from '../../functions/jobs/run.ts'
import { plain } from '../../shared/db/database.ts'
import type { Scope } from '../../shared/db/scope.ts'
import type { Job } from '../../shared/job.ts'
import { parse } from '../../shared/record.ts'
import type { Shared } from '../../shared/shared.ts'
import { makeTestDatabase, shareTest, type TestDatabase } from '../support/database.ts'

/** Two processes over one database. */
let database: TestDatabase
let [one, other] = [] as unknown as [Shared, Shared]
let [runOne, runOther] = [] as unknown as [Runner, Runner]
const scope: Scope = { organization_id: '', caller: { kind: 'platform', actor: 'test' }, context: { request_id: 'test' } }
const runner = ({ db, log, metrics }: Shared) => makeRunner(postgresRuns(db), log, metrics)
beforeAll(async () => {
  database = await makeTestDatabase({ LOG_LEVEL: 'silent' })
  one = await shareTest(database)
  other = await shareTest(database)
  runOne = runner(one)
  runOther = runner(other)
})
afterAll(async () => {
  await one.close()
  await other.close()
  await database.drop()
})

/** A job that says when it is in the middle, and goes on when it is told to. */
const halting = (name: string, { db }: Shared) => {
  let [begun, go] = [() => {}, () => {}]
  const middle = new Promise<void>(resolve => {
    begun = resolve
  })
  const told = new Promise<void>(resolve => {
    go = resolve
  })
  const job: Job = {
    name,
    summary: 'A job',
    run: async inside => {
      await db.write(inside, plain('select 1'))
      begun()
      await told
      return (await db.write(inside, plain('select 2'))).length
    },
  }
  return { job, middle, go: () => go() }
}

/** Ends the session that holds a job's lock, as a crash or a failover would. */
const endSession = (name: string) =>
  database.sql(
    `select pg_terminate_backend(pid) from pg_locks, (select job_lock($1) as key) k
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
      and classid::bigint = (key >> 32) & 4294967295 and objid::bigint = key & 4294967295`,
    [name],
  )

const outcomes = async (name: string) =>
  (await database.sql<{ outcome: string }>('select outcome from job_runs where name = $1 order by started_at', [name])).map(
    ({ outcome }) => outcome,
  )

test('another process that asks for a job under way is told of its run', async () => {
  const { job, middle, go } = halting('shared', one)
  const first = runOne(scope, job)
  await middle
  const { run, ours } = await runOther(scope, job)
  expect([ours, parse(run).outcome]).toEqual([false, 'running'])
  go()
  expect((await first).run.id).toBe(run.id)
  expect(await outcomes('shared')).toEqual(['succeeded'])
})

test('a run that has lost its connection writes nothing more, and is recorded as failed', async () => {
  const { job, middle, go } = halting('cut', one)
  const first = runOne(scope, job)
  await middle
  expect(await endSession('cut')).toHaveLength(1)
  go()
  await expect(first).rejects.toMatchObject({ code: 'unavailable' })
  expect(await outcomes('cut')).toEqual(['failed'])
})

test('who comes after a lost connection takes over: the old run has failed, whatever becomes of it', async () => {
  const { job, middle, go } = halting('taken', one)
  const first = runOne(scope, job)
  await middle
  await endSession('taken')
  const { run, ours } = await runOther(scope, { ...job, run: async () => 5 })
  expect([ours, parse(run)]).toMatchObject([true, { outcome: 'succeeded', rows: 5 }])
  go()
  await expect(first).rejects.toMatchObject({ code: 'unavailable' })
  expect(await outcomes('taken')).toEqual(['failed', 'succeeded'])
})

test('of ten that ask at once, in two processes, one does it', async () => {
  let done = 0
  const counted: Job = {
    name: 'counted',
    summary: 'A job',
    run: async inside => {
      await one.db.write(inside, plain('select pg_sleep(0.2)'))
      return ++done
    },
  }
  const all = await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? runOne : runOther)(scope, counted)))
  expect(new Set(all.map(({ run }) => run.id)).size).toBe(1)
  expect([all.filter(({ ours }) => ours).length, done]).toEqual([1, 1])
})
