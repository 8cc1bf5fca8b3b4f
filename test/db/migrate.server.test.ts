import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrate } from '../../shared/db/migrate.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'

const server = inject('server')
const name = `test_${randomBytes(6).toString('hex')}`
const url = databaseUrl(server, name)
beforeAll(() => onServer(server, client => client.query(`create database ${name}`)))
afterAll(() => onServer(server, client => client.query(`drop database ${name} with (force)`)))

const start = () => onServer(url, client => migrate(client, migrationsDir))
const schema = () =>
  onServer(url, async client => {
    const text = `select c.relname, c.relkind, c.relacl::text, c.oid, c.xmin::text, p.prosrc from pg_class c
      full join pg_proc p on p.oid = c.oid where coalesce(c.relnamespace, p.pronamespace) = 'public'::regnamespace order by 1, 4`
    return [(await client.query(text)).rows, (await client.query('select * from schema_migrations order by id')).rows]
  })

test('a migration started twice at once on an empty database is made once, and both end well', async () => {
  const [first, second] = (await Promise.all([start(), start()])) as [string[], string[]]
  expect(first.length + second.length).toBeGreaterThan(0)
  expect([first.length, second.length].sort()).toContain(0)
})

test('a migration changes nothing when it is run again', async () => {
  const before = await schema()
  expect(await start()).toEqual([])
  expect(await schema()).toEqual(before)
})

test('migrations of several databases of one server do not disturb each other', async () => {
  const names = Array.from({ length: 4 }, () => `test_${randomBytes(6).toString('hex')}`)
  for (const one of names) await onServer(server, client => client.query(`create database ${one}`))
  try {
    const applied = await Promise.all(names.map(one => onServer(databaseUrl(server, one), client => migrate(client, migrationsDir))))
    expect(new Set(applied.map(String)).size).toBe(1)
    expect(applied[0]).not.toEqual([])
  } finally {
    for (const one of names) await onServer(server, client => client.query(`drop database ${one} with (force)`))
  }
})
