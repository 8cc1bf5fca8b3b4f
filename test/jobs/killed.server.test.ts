import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from '../support/ask.ts'
import { bundleTo } from '../support/bundle.ts'
import { startChild } from '../support/children.ts'
import { ADMIN_KEY } from '../support/database.ts'
import { type Running, run } from '../support/http.ts'
import { type Holder, holdLocks, until } from '../support/locks.ts'

let app: Running
let holder: Holder
let folder: string
beforeAll(async () => {
  app = await run()
  holder = await holdLocks(app.database)
  folder = await bundleTo(`dist/killed-${process.pid}`, ['functions/start'])
})
afterAll(async () => {
  await holder.close()
  await app.stop()
  await rm(folder, { recursive: true })
})

const JOB = 'refresh-reports'
const outcomes = async (filter = '') =>
  (await app.admin('GET', `/jobs/runs?name=${JOB}${filter}`)).body.items.map(({ outcome }: { outcome: string }) => outcome)

test('the run of a process that was killed reads as lost, and has failed once the job was begun again', async () => {
  const environment = { DATABASE_URL: app.database.url as string, AGENTHUB_ADMIN_KEY: ADMIN_KEY, PORT: '0', LOG_LEVEL: 'silent' }
  const child = await startChild([`${folder}/functions/start.js`], environment)
  await holder.sql('begin')
  await holder.sql('lock table report_refreshes in access exclusive mode')
  const cut = ask(child.url, ADMIN_KEY, { method: 'POST', path: `/jobs/${JOB}` })
  await holder.waiting(1)
  expect([await outcomes(), await outcomes('&outcome=running'), await outcomes('&outcome=lost')]).toEqual([['running'], ['running'], []])
  await child.kill()
  await cut
  await holder.sql('commit')
  await until(async () => (await outcomes())[0] !== 'running')
  expect([await outcomes(), await outcomes('&outcome=lost'), await outcomes('&outcome=running')]).toEqual([['lost'], ['lost'], []])
  expect((await app.admin('POST', `/jobs/${JOB}`)).status).toBe(200)
  expect(await outcomes()).toEqual(['succeeded', 'failed'])
})
