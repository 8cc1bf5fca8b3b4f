import { hash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bucketObjects } from '../../shared/objects/bucket.ts'
import { type Bucket, startBucket } from '../support/bucket.ts'
import { type Running, run } from '../support/http.ts'

let bucket: Bucket
let app: Running
beforeAll(async () => {
  bucket = await startBucket()
  app = await run({ ...bucket.environment, LOG_LEVEL: 'info' })
})
afterAll(async () => {
  await app.stop()
  await bucket.stop()
})

const seal = () => app.admin('POST', '/jobs/seal-audit')
const headsOf = (organization: string) => [...bucket.objects].filter(([name]) => name.startsWith(`audit/${hash('sha256', organization)}/`))

test('the head of what was sealed is written to the log and to the bucket, under a name of its own each time', async () => {
  const { id, call } = await app.organization()
  await seal()
  await call('POST', '/agents', { name: 'One' })
  await seal()
  const heads = headsOf(id).map(([, text]) => JSON.parse(text))
  expect(heads).toMatchObject([
    { organization_id: id, total: 2, blocks: [{ id: '000000000001', hash: expect.stringMatching(/^[0-9a-f]{64}$/) }] },
    { organization_id: id, total: 3, blocks: [{ id: '000000000002' }] },
  ])
  const lines = app.log.map(line => JSON.parse(line)).filter(({ message, organization }) => message === 'audit head' && organization === id)
  expect(lines.map(({ block, hash, total }) => ({ block, hash, total }))).toEqual(
    heads.map(({ blocks, total }) => ({ block: blocks[0].id, hash: blocks[0].hash, total })),
  )
  expect((await call('GET', '/audit/verify')).body).toEqual({ valid: true, sealed: 3, unsealed: 0 })
})

test('while the bucket is away sealing fails with a 503, and the next run keeps the heads that are wanting', async () => {
  const { id, call } = await app.organization()
  bucket.broken = 503
  expect((await seal()).status).toBe(503)
  expect((await call('GET', '/audit/verify')).status).toBe(503)
  await call('POST', '/agents', { name: 'One' })
  expect((await seal()).body.code).toBe('unavailable')
  bucket.broken = undefined
  expect(headsOf(id)).toEqual([])
  expect((await seal()).body).toMatchObject({ outcome: 'succeeded', rows: 0 })
  expect(headsOf(id).map(([, text]) => JSON.parse(text).blocks.length)).toEqual([2])
  expect((await call('GET', '/audit/verify')).body).toEqual({ valid: true, sealed: 3, unsealed: 0 })
})

test('a head that was kept is kept again when a run was lost before its note, and refused when the blocks are others by now', async () => {
  const { id } = await app.organization()
  await seal()
  await app.database.sql('update audit_blocks set anchored_at = null where organization_id = $1', [id])
  expect((await seal()).status).toBe(200)
  const [kept] = headsOf(id)
  await app.database.sql(`update audit_blocks set anchored_at = null, hash = sha256('x') where organization_id = $1`, [id])
  expect((await seal()).status).toBe(500)
  expect(headsOf(id)).toEqual([kept])
  await app.database.sql('delete from audit_blocks where organization_id = $1', [id])
})

test('while sealing is under way, who asks for it again is answered 202 with that run, and it is done once', async () => {
  const { id } = await app.organization()
  const { reached, release } = bucket.hold()
  const first = seal()
  await reached
  const others = await Promise.all([seal(), seal()])
  for (const { status, headers, body } of others) {
    expect([status, headers.get('content-type')]).toEqual([202, 'application/json'])
    expect(body).toMatchObject({ name: 'seal-audit', outcome: 'running', finished_at: null })
  }
  release()
  const { status, body } = await first
  expect([status, body]).toMatchObject([200, { id: others[0].body.id, outcome: 'succeeded' }])
  expect(others[1].body.id).toBe(body.id)
  expect(headsOf(id).length).toBe(1)
})

test('heads that were named by their blocks alone are read and compared as well', async () => {
  const { id, call } = await app.organization()
  await seal()
  const [kept] = headsOf(id)
  const [name, text] = kept as [string, string]
  bucket.objects.delete(name)
  bucket.objects.set(name.replace(/-[0-9a-f]{64}/, ''), text)
  await call('POST', '/agents', { name: 'One' })
  expect((await seal()).status).toBe(200)
  expect((await call('GET', '/audit/verify')).body).toEqual({ valid: true, sealed: 3, unsealed: 0 })
  const first = JSON.parse(text).blocks[0]
  bucket.objects.set(name.replace(/-[0-9a-f]{64}/, ''), text.replaceAll(first.hash, '0'.repeat(64)))
  expect((await call('GET', '/audit/verify')).body.broken).toEqual({ id: first.first_id, kind: 'edit' })
})

test('a token is asked for once in its life, and again before its end', async () => {
  let now = 0
  const objects = bucketObjects({
    bucket: 'heads',
    storageUrl: bucket.environment.STORAGE_EMULATOR_HOST as string,
    metadataUrl: `http://${bucket.environment.GCE_METADATA_HOST}`,
    now: () => now,
  })
  const { given } = bucket.tokens
  expect([await objects.create('f/one', '1'), await objects.create('f/one', '2'), await objects.read('f/one')]).toEqual([true, false, '1'])
  expect(bucket.tokens.given).toBe(given + 1)
  now = 3_541_000
  for (const name of ['f/two', 'f/three', 'g/four', 'f/five']) await objects.create(name, '')
  expect(bucket.tokens.given).toBe(given + 2)
  const names: string[] = []
  for await (const name of objects.list('f', 'f/one')) names.push(name)
  expect(names).toEqual(['f/one', 'f/three', 'f/two'])
})
