import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Archived, startArchived } from '../support/archive.ts'
import { type Bucket, startBucket } from '../support/bucket.ts'
import { type Cloud, type Deployed, IAM_LOGIN, startCloud } from '../support/cloud.ts'
import { databaseUrl, onServer } from '../support/global.ts'
import type { Server } from '../support/server.ts'

let server: Archived
let cloud: Cloud
let bucket: Bucket
let deployed: Deployed
let key: string
const restored: Server[] = []
beforeAll(async () => {
  cloud = await startCloud(async data => {
    server = await startArchived(dirname(data), data)
    return server
  })
  bucket = await startBucket()
  bucket.tokens.given = 1_000_000 // those of the other metadata server
  deployed = await serve('one', 'heads/audit')
  key = (await deployed.call('POST', '/organizations', { id: 'acme', name: 'Acme' })).body.api_key.secret
})
afterAll(async () => {
  await deployed.stop()
  await cloud.stop()
  await bucket.stop()
  for (const one of restored) await one.stop()
})

const heads = (place: string) => ({ AUDIT_HEAD_BUCKET: place, STORAGE_EMULATOR_HOST: bucket.environment.STORAGE_EMULATOR_HOST as string })
const serve = (instance: string, place: string) => cloud.start({ INSTANCE_CONNECTION_NAME: `p:europe-west1:${instance}`, ...heads(place) })
const call = (method: string, path: string, body?: unknown) => deployed.call(method, path, body, key)
const create = async (name: string, count: number) => {
  for (let n = 0; n < count; n++) expect((await call('POST', '/agents', { id: `${name}-${n}`, name })).status).toBe(201)
}
const seal = async () => expect((await deployed.call('POST', '/jobs/seal-audit')).status).toBe(200)
const agents = async (): Promise<string[]> => {
  const ids: string[] = []
  for (let cursor = ''; ; ) {
    const { body } = await call('GET', `/agents?limit=100${cursor}`)
    ids.push(...body.items.map(({ id }: { id: string }) => id))
    if (body.next_cursor === null) return ids
    cursor = `&cursor=${body.next_cursor}`
  }
}

/** What the commands of the script do here: `gcloud` clones to another server, `terraform` starts the functions over it. */
const commands: Record<string, (args: string[]) => Promise<void>> = {
  'sql instances clone': async args => {
    const at = args.find(arg => arg.startsWith('--point-in-time='))?.split('=')[1] as string
    const copy = await server.restore(at)
    restored.push(copy)
    await cloud.addInstance(args[4] as string, copy.url)
  },
  apply: async args => {
    const to = /^serving_instance=(.+)$/.exec(args.at(-1) as string)?.[1] as string
    await deployed.stop()
    deployed = await serve(to, `heads/${to}`)
  },
}

/** Runs the script with stand-ins for the commands of the cloud, and answers how it ended and what it printed. */
const restore = async (...args: string[]): Promise<{ code: number; output: string; ran: string[] }> => {
  const ran: string[] = []
  const listener = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const words = (JSON.parse(body) as string[]).filter(word => !/^--(project=.*|quiet)$/.test(word))
    ran.push(words.join(' '))
    const work = Object.entries(commands).find(([name]) => words.join(' ').startsWith(name))?.[1]
    const done =
      work === undefined
        ? false
        : await work(words).then(
            () => true,
            () => false,
          )
    response.writeHead(done ? 200 : 500).end()
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const bin = join(cloud.folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const forward = `#!${process.execPath}
fetch('${url}', { method: 'POST', body: JSON.stringify(process.argv.slice(2)) }).then(({ ok }) => process.exit(ok ? 0 : 1))
`
  for (const name of ['gcloud', 'terraform']) writeFileSync(join(bin, name), forward, { mode: 0o755 })
  const env = {
    ...cloud.google.environment,
    ...heads('heads/audit'),
    ...{ PATH: `${bin}:/usr/bin:/bin`, REGION: 'europe-west1', DB_USER: IAM_LOGIN, HOME: cloud.folder },
    VERIFY: `${process.execPath} --enable-source-maps ${cloud.folder}/dist/verify.js`,
  }
  const script = new URL('../../terraform/restore.sh', import.meta.url).pathname
  try {
    return await new Promise(resolve =>
      execFile(script, args, { env }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), output: stdout + stderr, ran })),
    )
  } finally {
    listener.close()
  }
}

test('after a mistake the state of the moment before it is restored to a new instance, proved and switched to; what is lost is told', async () => {
  await create('before-the-backup', 20)
  await server.backup()
  await create('after-the-backup', 20)
  await seal()
  const [row] = await cloud.sql(`select iso(clock_timestamp()) as now`)
  for (let n = 0; n < 10; n++) expect((await call('DELETE', `/agents/after-the-backup-${n}`)).status).toBe(204)
  await create('too-late', 5)
  await seal()
  const { body: last } = await call('GET', '/agents/too-late-4')

  const { code, output, ran } = await restore('one', 'two', '--at', row?.now as string, '--switch', '--', '-var-file=production.tfvars')
  expect({ code, output }).toMatchObject({ code: 0 })
  expect(ran).toEqual([
    `sql instances clone one two --point-in-time=${row?.now}`,
    'apply -auto-approve -var-file=production.tfvars -var serving_instance=two',
  ])
  expect(output).toMatch(/^ {2}agents +45 -> 40$/m) // a removed agent leaves its tombstone
  expect(output).toMatch(/^audit: 42 events sealed and 0 not, of \d+ organizations; 15 sealed ones are lost$/m)
  expect(output).toMatch(/^the last change was made at .*, \d[\d.]* s before the last one there was$/m)
  expect(output).toMatch(/^restored in \d+\.\d s$/m)

  expect(new Set(await agents())).toEqual(
    new Set(['before-the-backup', 'after-the-backup'].flatMap(name => Array.from({ length: 20 }, (_, n) => `${name}-${n}`))),
  )
  const { body: made } = await call('POST', '/agents', { id: 'too-late-4', name: 'Anew' })
  expect(BigInt(made.version)).toBeGreaterThan(BigInt(last.version) + 900_000n)
  await seal()
  expect((await call('GET', '/audit/verify')).body).toEqual({ valid: true, sealed: 43, unsealed: 0 })
})

test('a restored database whose audit was tampered with is not switched to', async () => {
  const [row] = await cloud.sql(`select iso(clock_timestamp()) as now`)
  const clone = commands['sql instances clone'] as (args: string[]) => Promise<void>
  commands['sql instances clone'] = async args => {
    await clone(args)
    await onServer(databaseUrl(restored.at(-1)?.url as string, 'agenthub'), client =>
      client.query(`update audit_events set actor = 'somebody else' where entity_id = 'before-the-backup-7'`),
    )
  }
  await cloud.sql('select pg_logical_emit_message(true, $1, $2)', ['a', 'commit after that moment'])
  const { code, output, ran } = await restore('one', 'three', '--at', row?.now as string, '--switch')
  expect([code, ran.length]).toEqual([1, 1])
  expect(output).toMatch(/^BROKEN: edit at aud_\w+ of acme$/m)
})
