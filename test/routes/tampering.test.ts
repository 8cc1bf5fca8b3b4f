import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bucket, startBucket } from '../support/bucket.ts'
import { engine } from '../support/database.ts'
import { type Call, type Running, run } from '../support/http.ts'

/** Heads are kept in a bucket here, and in a folder beside the embedded engine. */
let bucket: Bucket
let app: Running
beforeAll(async () => {
  bucket = await startBucket()
  app = await run(engine === 'server' ? bucket.environment : {})
})
afterAll(async () => {
  await app.stop()
  await bucket.stop()
})

const seal = async (): Promise<number> => {
  const { status, body } = await app.admin('POST', '/jobs/seal-audit')
  expect(status).toBe(200)
  return body.rows
}
const verified = async (call: Call) => (await call('GET', '/audit/verify')).body

/** Makes so many agents at once, each an event. */
const make = (organization: string, name: string, count: number) =>
  app.database.sql(
    `insert into agents (organization_id, id, name, version, created_at, updated_at)
    select $1, $2 || n, 'Agent', nextval('row_version'), now(), now() from generate_series(1, $3::int) n`,
    [organization, name, count],
  )

/** An organization with 40 events of agents, half of them sealed by one run, half by another; and their ids, oldest first. */
const sealedTwice = async () => {
  const { id, call } = await app.organization()
  for (const name of ['a', 'b']) {
    await make(id, name, 20)
    await seal()
  }
  const rows = await app.database.sql<{ id: string }>('select id from audit_events where organization_id = $1 order by id', [id])
  return { id, call, events: rows.map(row => row.id) }
}

type Tampering = (organization: string, event: string, other: string) => Promise<unknown>
const sql =
  (text: string): Tampering =>
  (...given) =>
    app.database.sql(
      text,
      given.slice(0, 3).filter((_, i) => text.includes(`$${i + 1}`)),
    )

const swap: Tampering = async (organization, event, other) => {
  const rename = (from: string, to: string) =>
    app.database.sql('update audit_events set id = $3 where organization_id = $1 and id = $2', [organization, from, to])
  await rename(event, 'aside')
  await rename(other, event)
  await rename('aside', other)
}

test.each<[string, string, Tampering]>([
  [
    'what was changed is edited',
    'edit',
    sql(`update audit_events set after = '{"name": "Another"}' where organization_id = $1 and id = $2`),
  ],
  ['who changed it is edited', 'edit', sql(`update audit_events set actor = 'key:another' where organization_id = $1 and id = $2`)],
  [
    'its time is edited',
    'edit',
    sql(`update audit_events set created_at = created_at + interval '1 microsecond' where organization_id = $1 and id = $2`),
  ],
  ['an event is removed', 'deletion', sql('delete from audit_events where organization_id = $1 and id = $2')],
  ['two events change places', 'reordering', swap],
])('when %s the first broken event is named: %s', async (_, kind, tamper) => {
  const { id, call, events } = await sealedTwice()
  expect(await verified(call)).toEqual({ valid: true, sealed: 42, unsealed: 0 })
  const [event, other] = [events[9] as string, events[30] as string]
  const near = events[12] as string
  await tamper(id, event, kind === 'reordering' ? near : other)
  expect(await verified(call)).toEqual({ valid: false, sealed: 42, unsealed: 0, broken: { id: event, kind } })
})

test('an inserted event is named, wherever it stands', async () => {
  for (const place of [0, 9, 40]) {
    const { id, call, events } = await sealedTwice()
    const forged = `${events[place]}0`
    await app.database.sql(
      `insert into audit_events (organization_id, id, actor, action, entity_type, entity_id) values ($1, $2, 'admin', 'create', 'agent', 'x')`,
      [id, forged],
    )
    expect(await verified(call)).toMatchObject({ valid: false, broken: { id: forged, kind: 'insertion' } })
  }
})

test('an event that was moved is a reordering, named where the order first breaks', async () => {
  const { id, call, events } = await sealedTwice()
  await app.database.sql('update audit_events set id = $3 where organization_id = $1 and id = $2', [id, events[12], `${events[5]}0`])
  expect(await verified(call)).toMatchObject({ broken: { id: `${events[5]}0`, kind: 'reordering' } })
})

test('a tail that was cut off is a cut from its first event on, with new events behind it too', async () => {
  const { id, call, events } = await sealedTwice()
  await app.database.sql('delete from audit_events where organization_id = $1 and id >= $2', [id, events[35]])
  const broken = { id: events[35], kind: 'cut' }
  expect(await verified(call)).toEqual({ valid: false, sealed: 42, unsealed: 0, broken })
  await call('POST', '/agents', { name: 'Later' })
  expect(await verified(call)).toEqual({ valid: false, sealed: 42, unsealed: 1, broken })
})

test('a tail that was cut off with its blocks is told by the heads kept outside', async () => {
  const { id, call, events } = await sealedTwice()
  const first = events[22] as string // the first of the second run
  const [block] = await app.database.sql<{ id: string }>('select max(id) as id from audit_blocks where organization_id = $1', [id])
  await app.database.sql('delete from audit_events where organization_id = $1 and id >= $2', [id, first])
  await app.database.sql('delete from audit_blocks where organization_id = $1 and id = $2', [id, block?.id])
  expect(await verified(call)).toMatchObject({ valid: false, broken: { id: first, kind: 'cut' } })
  await app.database.sql('delete from audit_events where organization_id = $1', [id])
  await app.database.sql('delete from audit_blocks where organization_id = $1', [id])
  expect(await verified(call)).toMatchObject({ valid: false, sealed: 0, broken: { id: events[0], kind: 'cut' } })
})

/** Writes an organization's blocks anew over what its events are now. */
const sealAnew = (organization: string) =>
  app.database.sql(
    `do $$
    declare
    one audit_blocks;
    before bytea := audit_genesis('${organization}');
    begin
    for one in select * from audit_blocks where organization_id = '${organization}' order by id loop
      update audit_blocks set previous = before, digests = d.digests, hash = audit_chain(before, one.ids, d.digests)
      from (select array_agg(audit_digest(e) order by e.id) as digests from audit_events e
        where e.organization_id = one.organization_id and e.id = any (one.ids)) d
      where organization_id = one.organization_id and id = one.id
      returning hash into before;
    end loop;
    end
    $$`,
  )

test('who writes the blocks anew over what he edited is found by the heads kept outside, in the block that he began with', async () => {
  const { id, call, events } = await sealedTwice()
  await app.database.sql(`update audit_events set actor = 'nobody' where organization_id = $1 and id = $2`, [id, events[30]])
  await sealAnew(id)
  expect(await verified(call)).toMatchObject({ valid: false, broken: { id: events[22], kind: 'edit' } })
  await app.database.sql(`update audit_events set actor = 'nobody' where organization_id = $1 and id = $2`, [id, events[3]])
  await sealAnew(id)
  expect(await verified(call)).toMatchObject({ valid: false, broken: { id: events[0], kind: 'edit' } })
})

/** How a run ends that finds a chain other than its newest head, and what is kept and noted of it then; the chain is taken away. */
const refusedToSeal = async (organization: string) => {
  const { status } = await app.admin('POST', '/jobs/seal-audit')
  const [failed] = (await app.admin('GET', '/jobs/runs?limit=1')).body.items
  const unkept = 'select count(*)::int as n from audit_blocks where organization_id = $1 and anchored_at is null'
  const [row] = await app.database.sql<{ n: number }>(unkept, [organization])
  return { status, outcome: failed.outcome, named: failed.error.includes(organization), unkept: row?.n }
}
const forget = async (organization: string) => {
  for (const table of ['audit_blocks', 'audit_events'])
    await app.database.sql(`delete from ${table} where organization_id = $1`, [organization])
}

test('no head is kept of a chain that was written anew, however much is sealed on it: it stays found, and others are sealed', async () => {
  const { id, call, events } = await sealedTwice()
  await app.database.sql(`update audit_events set actor = 'nobody' where organization_id = $1 and id = $2`, [id, events[30]])
  await sealAnew(id)
  const broken = { id: events[22], kind: 'edit' }
  const other = await app.organization()
  for (const sealed of [43, 44]) {
    await call('POST', '/agents', { name: 'Later' })
    expect(await refusedToSeal(id)).toEqual({ status: 500, outcome: 'failed', named: true, unkept: sealed - 42 })
    expect(await verified(call)).toEqual({ valid: false, sealed, unsealed: 0, broken })
  }
  expect(await verified(other.call)).toEqual({ valid: true, sealed: 2, unsealed: 0 })
  const kept = 'select count(*)::int as n from audit_blocks where organization_id = $1 and anchored_at is not null'
  expect(await app.database.sql(kept, [other.id])).toEqual([{ n: 1 }])
  await forget(id)
})

test('what the database says of the heads hides nothing: marks that were set or taken away by hand', async () => {
  for (const mark of ['now()', 'null']) {
    const { id, call, events } = await sealedTwice()
    await app.database.sql(`update audit_events set actor = 'nobody' where organization_id = $1 and id = $2`, [id, events[30]])
    await sealAnew(id)
    await make(id, 'later', 3)
    await app.admin('POST', '/jobs/seal-audit')
    await app.database.sql(`update audit_blocks set anchored_at = ${mark} where organization_id = $1`, [id])
    expect(await verified(call)).toEqual({ valid: false, sealed: 45, unsealed: 0, broken: { id: events[22], kind: 'edit' } })
    await make(id, 'last', 3)
    expect((await refusedToSeal(id)).status).toBe(500)
    expect(await verified(call)).toMatchObject({ valid: false, broken: { id: events[22], kind: 'edit' } })
    await forget(id)
  }
})

test('a block that is marked as kept and is not comes into the next head', async () => {
  const { id, call, events } = await sealedTwice()
  const marked = 'create function marked() returns trigger language plpgsql as $$ begin new.anchored_at := now(); return new; end $$'
  for (const text of [marked, 'create trigger marked before insert on audit_blocks for each row execute function marked()'])
    await app.database.sql(text)
  await make(id, 'unkept', 5)
  await seal()
  await app.database.sql('drop trigger marked on audit_blocks')
  await make(id, 'kept', 5)
  await seal()
  expect(await verified(call)).toEqual({ valid: true, sealed: 52, unsealed: 0 })
  const [first] = await app.database.sql<{ id: string }>(
    'select id from audit_events where organization_id = $1 and id > $2 order by id limit 1',
    [id, events.at(-1)],
  )
  await app.database.sql(`update audit_events set actor = 'nobody' where organization_id = $1 and id = $2`, [id, first?.id])
  await sealAnew(id)
  expect(await verified(call)).toMatchObject({ valid: false, broken: { id: first?.id, kind: 'edit' } })
})

test('blocks that were cut off are missed, though one run seals more than they held in their place', async () => {
  const { id, call, events } = await sealedTwice()
  const first = events[22] as string // the first of the last block
  await app.database.sql('delete from audit_events where organization_id = $1 and id >= $2', [id, first])
  await app.database.sql('delete from audit_blocks where organization_id = $1 and first_id = $2', [id, first])
  await make(id, 'new', 2100)
  expect(await refusedToSeal(id)).toEqual({ status: 500, outcome: 'failed', named: true, unkept: 3 })
  expect(await verified(call)).toEqual({ valid: false, sealed: 2122, unsealed: 0, broken: { id: first, kind: 'edit' } })
  await forget(id)
})

test('blocks that were edited or taken out are found without any head', async () => {
  const { id, call, events } = await sealedTwice()
  await make(id, 'c', 5)
  await seal()
  const blocks = await app.database.sql<{ id: string }>('select id from audit_blocks where organization_id = $1 order by id', [id])
  const second = blocks.at(-2)?.id
  const change = (text: string) => app.database.sql(`${text} where organization_id = $1 and id = $2`, [id, second])
  await change('update audit_blocks set previous = hash')
  expect((await verified(call)).broken).toEqual({ id: events[22], kind: 'edit' })
  await change(`update audit_blocks set digests[4] = sha256('x')`)
  expect((await verified(call)).broken).toEqual({ id: events[22], kind: 'edit' })
  await change('delete from audit_blocks')
  expect((await verified(call)).broken).toEqual({ id: events[22], kind: 'deletion' })
})

test('more events than a block and a page hold are sealed and verified whole, and the one that is broken is found', async () => {
  const { id, call } = await app.organization()
  await app.database.sql(
    `insert into audit_events (organization_id, actor, action, entity_type, entity_id, after)
    select $1, 'admin', 'create', 'agent', n, '{"name": "Agent"}' from generate_series(1, 21500) n`,
    [id],
  )
  expect(await seal()).toBeGreaterThanOrEqual(21_502)
  await make(id, 'more', 3)
  expect(await verified(call)).toEqual({ valid: true, sealed: 21_502, unsealed: 3 })
  for (const place of [20_999, 777]) {
    const [row] = await app.database.sql<{ id: string }>(
      'select id from audit_events where organization_id = $1 order by id offset $2 limit 1',
      [id, place],
    )
    await app.database.sql(`update audit_events set reason = 'x' where organization_id = $1 and id = $2`, [id, row?.id])
    expect((await verified(call)).broken).toEqual({ id: row?.id, kind: 'edit' })
  }
})

test('sealing again seals what came since, and nothing twice', async () => {
  await seal()
  const { call } = await app.organization()
  await call('POST', '/agents', { name: 'One' })
  expect(await verified(call)).toEqual({ valid: true, sealed: 0, unsealed: 3 })
  expect([await seal(), await seal()]).toEqual([3, 0])
  expect(await verified(call)).toEqual({ valid: true, sealed: 3, unsealed: 0 })
})
