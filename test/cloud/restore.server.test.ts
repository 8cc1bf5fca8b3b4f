import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Drill, startDrill } from '../support/drill.ts'
import { databaseUrl, onServer } from '../support/global.ts'
import { startBridge } from '../support/redis.bridge.ts'
import { noRedis, startRedis } from '../support/redis.ts'

const PATIENCE = 180_000

let drill: Drill
let key: string
beforeAll(async () => {
  drill = await startDrill()
  key = (await drill.deployed().call('POST', '/organizations', { id: 'acme', name: 'Acme' })).body.api_key.secret
}, PATIENCE)
afterAll(() => drill.stop())

const call = (method: string, path: string, body?: unknown) => drill.deployed().call(method, path, body, key)
const create = async (name: string, count: number) => {
  for (let n = 0; n < count; n++) expect((await call('POST', '/agents', { id: `${name}-${n}`, name })).status).toBe(201)
}
const seal = async () => expect((await drill.deployed().call('POST', '/jobs/seal-audit')).status).toBe(200)
const agents = async (): Promise<string[]> => (await call('GET', '/agents?limit=100')).body.items.map(({ id }: { id: string }) => id).sort()
const moment = async () => (await drill.cloud.sql(`select iso(clock_timestamp()) as now`))[0]?.now as string
/** What the script asks for before it lets an instance serve. */
const guarded = (to: string) => ['output -raw guard_options', `sql instances patch ${to} --backup-start-time=02:00 --deletion-protection`]
const named = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`)

test(
  'after a mistake the state of the moment before it is restored to a new instance, proved and switched to; what is lost is told',
  async () => {
    await create('before-the-backup', 10)
    await drill.server.backup()
    await create('after-the-backup', 10)
    await seal()
    const at = await moment()
    for (let n = 0; n < 5; n++) expect((await call('DELETE', `/agents/after-the-backup-${n}`)).status).toBe(204)
    await create('too-late', 5)
    await seal()
    const { body: last } = await call('GET', '/agents/too-late-4')

    const { code, output, ran } = await drill.restore(['one', 'two', '--at', at, '--switch', '--', '-var-file=production.tfvars'])
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(ran).toEqual([
      `sql instances clone one two --point-in-time=${at}`,
      ...guarded('two'),
      'apply -auto-approve -var-file=production.tfvars -var serving_instance=two',
    ])
    expect(output).toMatch(/^ {2}agents +25 -> 20$/m) // a removed agent leaves its tombstone
    expect(output).toMatch(/^audit: 22 events sealed and 0 not, of \d+ organizations; 10 sealed ones are lost$/m)
    expect(output).toMatch(/^the last change was made at .*, \d[\d.]* s before the last one there was$/m)
    expect(output).toMatch(/^serving_instance = "two"$/m)
    expect(output).toMatch(/^restored in \d+\.\d s$/m)

    expect(await agents()).toEqual([...named('after-the-backup', 10), ...named('before-the-backup', 10)])
    const { body: made } = await call('POST', '/agents', { id: 'too-late-4', name: 'Anew' })
    expect(BigInt(made.version)).toBeGreaterThan(BigInt(last.version) + 900_000n)
    await seal()
    expect((await call('GET', '/audit/verify')).body).toEqual({ valid: true, sealed: 23, unsealed: 0 })
  },
  PATIENCE,
)

test(
  'a restored database whose audit was tampered with is not switched to',
  async () => {
    const at = await moment()
    await drill.cloud.sql('select pg_logical_emit_message(true, $1, $2)', ['a', 'commit after that moment'])
    const tamper = `update audit_events set actor = 'somebody else' where entity_id = 'before-the-backup-7'`
    const { code, output, ran } = await drill.restore(['one', 'three', '--at', at, '--switch'], server =>
      onServer(databaseUrl(server.url, 'agenthub'), async client => void (await client.query(tamper))),
    )
    expect([code, ran.length]).toEqual([1, 1])
    expect(output).toMatch(/^BROKEN: edit at aud_\w+ of acme$/m)
  },
  PATIENCE,
)

test(
  'a drill compares even with a database whose audit is broken, switches nothing, and removes what it made',
  async () => {
    const at = await moment()
    const tamper = (actor: string) =>
      drill.cloud.sql(
        `update audit_events new set actor = $1 from audit_events old
        where new.entity_id = 'before-the-backup-7' and old.id = new.id returning old.actor`,
        [actor],
      )
    const [was] = await tamper('somebody else')
    const { code, output, ran } = await drill.restore(['one', 'five', '--at', at, '--drill'])
    await tamper(was?.actor as string)
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(output).toMatch(/^BROKEN: edit at aud_\w+ of acme$/m)
    expect(output).toMatch(/^(\d+) of \1 tables have as many rows as before$/m)
    expect(ran).toEqual([
      `sql instances clone one five --point-in-time=${at}`,
      'sql instances patch five --no-deletion-protection',
      'sql instances delete five',
    ])
  },
  PATIENCE,
)

test(
  'of an instance that is lost, all that its archive has is restored and switched to, and nothing else',
  async () => {
    await drill.server.archive()
    await drill.cloud.sql(`insert into agents (organization_id, id, name, version, created_at, updated_at)
    select 'acme', 'lost-' || n, 'Lost', nextval('row_version'), now(), now() from generate_series(1, 7) n`)
    drill.server.kill()
    const { code, output, ran } = await drill.restore(['one', 'four', '--latest', '--switch'])
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(ran).toEqual([
      'sql instances get-latest-recovery-time one',
      'sql instances clone one four --point-in-time=latest',
      ...guarded('four'),
      'apply -auto-approve -var serving_instance=four',
    ])
    expect(output).toMatch(/^one gave no census: /m)
    expect(output).toMatch(/^ {2}agents +25$/m)
    expect(await agents()).toEqual([...named('after-the-backup', 10).slice(5), ...named('before-the-backup', 10), ...named('too-late', 5)])
  },
  PATIENCE,
)

test.skipIf(noRedis)(
  'where the log is lost as well, a backup is restored to an instance made for it, and the cache forgets what was newer',
  async () => {
    const redis = await startRedis()
    const bridge = await startBridge(redis.port)
    try {
      await bridge.redis('set', 'report', 'newer')
      const cache = { UPSTASH_REDIS_REST_URL: bridge.url, UPSTASH_REDIS_REST_TOKEN: bridge.token }
      const { code, output, ran } = await drill.restore(['one', 'six', '--backup', '7', '--switch'], undefined, cache)
      expect({ code, output }).toMatchObject({ code: 0 })
      expect(ran).toEqual([
        'sql instances describe six',
        'output -raw instance_options',
        'sql instances create six --tier=small --database-flags=^;^a=b,c;d=e',
        'sql backups restore 7 --restore-instance=six --backup-instance=one',
        ...guarded('six'),
        'apply -auto-approve -var serving_instance=six',
      ])
      expect(await agents()).toEqual(named('before-the-backup', 10))
      expect(await bridge.redis('dbsize')).toBe(0)
    } finally {
      await bridge.close()
      await redis.kill()
    }
  },
  PATIENCE,
)
