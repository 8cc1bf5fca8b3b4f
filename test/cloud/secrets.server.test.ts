import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cloud, type Deployed, PASSWORD_LOGIN, startCloud } from '../support/cloud.ts'

const FIRST_KEY = 'the-first-admin-key-0123456789abcdef'
const SECOND_KEY = 'the-second-admin-key-0123456789abcdef'

let cloud: Cloud
let deployed: Deployed
beforeAll(async () => {
  cloud = await startCloud()
  cloud.google.secrets.set('password', ['first']).set('admin', [FIRST_KEY])
  deployed = await cloud.start({
    ...{ DB_AUTH: 'PASSWORD', DB_USER: PASSWORD_LOGIN, DB_PASSWORD_SECRET: 'password' },
    ...{ AGENTHUB_ADMIN_KEY: '', AGENTHUB_ADMIN_KEY_SECRET: 'admin' },
  })
})
afterAll(async () => {
  await deployed.stop()
  await cloud.stop()
})

const runs = (key: string) => deployed.call('GET', '/jobs/runs', undefined, key)
const reads = (name: string) => cloud.google.requests.filter(path => path.includes(`/secrets/${name}/`)).length

test('the password of the login is read from Secret Manager, once for all connections', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => runs(FIRST_KEY)))
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect(reads('password')).toBe(1)
})

test('a password that was rotated is taken up by the request that finds it out', async () => {
  await cloud.sql(`alter role ${PASSWORD_LOGIN} password 'second'`)
  cloud.google.secrets.get('password')?.push('second')
  expect((await runs(FIRST_KEY)).status).toBe(200) // over the connections of before
  cloud.instance.cut()
  expect((await runs(FIRST_KEY)).status).toBe(200)
  expect(reads('password')).toBe(2)
})

test('an admin key that was rotated in is taken at once, and the one before no more; strangers do not have it read each time', async () => {
  const before = reads('admin')
  cloud.google.secrets.get('admin')?.push(SECOND_KEY)
  expect((await runs(SECOND_KEY)).status).toBe(200)
  expect((await runs(FIRST_KEY)).status).toBe(401)
  expect((await runs('a-strangers-guess-0123456789abcdef-0123')).status).toBe(401)
  expect(reads('admin')).toBe(before + 1)
})

test('a secret that is not there ends the process before it serves, and names the secret', async () => {
  const wanting = cloud.start({ AGENTHUB_ADMIN_KEY: '', AGENTHUB_ADMIN_KEY_SECRET: 'unknown' })
  await expect(wanting).rejects.toThrow(/secrets\/unknown\/versions\/latest|NOT_FOUND|not found/i)
})

test('the schema is migrated over the connector as well, and that process ends by itself', async () => {
  cloud.google.secrets.set('owner', ['postgres'])
  const migrating = cloud.run('migrate', { DB_AUTH: 'PASSWORD', DB_USER: 'postgres', DB_PASSWORD_SECRET: 'owner' })
  expect(await migrating.ended).toEqual({ code: 0, signal: null })
  expect(migrating.output()).toContain('the schema is up to date')
})
