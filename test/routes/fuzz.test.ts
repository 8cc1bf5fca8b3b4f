import { afterAll, beforeAll, expect, test } from 'vitest'
import { roles } from '../../shared/roles.ts'
import { ADMIN_KEY, engine } from '../support/database.ts'
import { makeOne } from '../support/examples.ts'
import { fuzz } from '../support/fuzz.run.ts'
import { type Running, run } from '../support/http.ts'
import { operationsOf } from '../support/operations.ts'
import { rawClient } from '../support/raw.ts'

const COUNT = engine === 'server' ? 2000 : 800
const SEED = Number(process.env.TEST_FUZZ_SEED ?? 1)
const MARK = 'mark-of-another'

let app: Running
let client: ReturnType<typeof rawClient>
beforeAll(async () => {
  app = await run()
  client = rawClient(app.url)
})
afterAll(async () => {
  client.close()
  await app.stop()
})

test(`${COUNT} odd requests by every role get no error of ours, nothing of another's, and what the document says`, {
  timeout: 180_000,
}, async () => {
  const { statuses, met, wrong } = await fuzz({
    operations: operationsOf((await app.admin('GET', '/openapi.json')).body),
    send: client.send,
    admin: ADMIN_KEY,
    keys: async () => {
      const { key, call } = await app.organization()
      const made = roles.slice(0, -1).map(role => call('POST', '/organizations/api-keys', { name: role, role }))
      return [key, key, ...(await Promise.all(made)).map(({ body }) => body.secret)]
    },
    theirs: await makeOne((await app.organization()).call, MARK),
    mark: MARK,
    count: COUNT,
    seed: SEED,
    atOnce: 1,
  })
  expect(wrong).toEqual([])
  expect(app.log.filter(line => line.includes('"ERROR"'))).toEqual([])
  // A fuzzer whose requests are all refused at the door tests the door alone.
  for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 415]) expect(statuses.has(status)).toBe(true)
  expect(met.size).toBeGreaterThan(40)
})
