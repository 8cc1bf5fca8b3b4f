import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { readConfig } from '../../shared/config.ts'
import { openPool } from '../../shared/db/pool.ts'
import { ADMIN_KEY } from '../support/database.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import { type Running, runOver } from '../support/http.ts'

const server = inject('server')
const suffix = randomBytes(6).toString('hex')
const name = `test_${suffix}`
const login = `agents-${suffix}@project.iam`
const url = databaseUrl(server, name)
const config = readConfig({ DATABASE_URL: url, AGENTHUB_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: 'error', DB_LOGINS: `${login}=agenthub_app` })

let app: Running
beforeAll(async () => {
  await onServer(server, client => client.query(`create database ${name}`))
  await onServer(server, client => client.query(`create role "${login}" login`))
  app = await runOver(
    {
      config,
      url,
      open: role => openPool(config, role ?? 'agenthub_app', migrationsDir),
      sql: async text => (await onServer(url, client => client.query(text))).rows,
      drop: async () => void (await onServer(server, client => client.query(`drop database ${name} with (force)`))),
    },
    'schema',
  )
})
afterAll(async () => {
  await app.stop()
  await onServer(server, client => client.query(`drop role "${login}"`))
})

test('a release migrates an empty database by one request, and a second one finds nothing to do', async () => {
  const first = await app.admin('POST', '/schema/migrate')
  expect(first.status).toBe(200)
  expect(first.body.applied).toHaveLength(readdirSync(migrationsDir).filter(file => file.endsWith('.sql')).length)
  expect((await app.admin('POST', '/migrate')).body).toEqual({ applied: [] })
})

test('a login may become its role, and no other', async () => {
  const becomes = (role: string) => app.database.sql(`select pg_has_role('${login}', '${role}', 'SET') as may`)
  expect(await becomes('agenthub_app')).toEqual([{ may: true }])
  expect(await becomes('agenthub_jobs')).toEqual([{ may: false }])
  expect(await becomes('agenthub_owner')).toEqual([{ may: false }])
})

test('nobody but the platform migrates', async () => {
  expect((await app.as(undefined)('POST', '/schema/migrate')).status).toBe(401)
  expect((await app.as('another-key-of-the-tests-0123456789abcdef')('POST', '/schema/migrate')).status).toBe(401)
})
