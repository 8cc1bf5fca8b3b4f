import { afterAll, beforeAll, expect, test } from 'vitest'
import { insist } from '../support/ask.ts'
import { type Running, run } from '../support/http.ts'
import { randomOf } from '../support/random.ts'
import { type Account, audit, makeAccount } from './account.ts'
import { settle } from './callers.ts'
import { type Caller, makeGround, nextWrite } from './calls.ts'
import { makeLine } from './line.ts'

const WRITES = 60

let app: Running
let id: string
const account = makeAccount()
beforeAll(async () => {
  app = await run()
  const organization = await app.organization()
  id = organization.id
  await makeGround(account, asked => insist(app.url, organization.key, asked))
  const line = makeLine(() => app.url, organization.key)
  const caller: Caller = { name: 'c', serial: 0, own: [], random: randomOf(20261130) }
  for (; caller.serial < WRITES; caller.serial++) await settle(line, nextWrite(account, caller), caller.random)
  expect([line.faults, line.acknowledged.length]).toEqual([[], WRITES])
}, 120_000)
afterAll(() => app.stop())

const audited = (told: Account) => audit(told, id, app.database.sql as never)
const first = <T>(of: Map<string, T>) => of.keys().next().value as string

test('writes of every kind that were all acknowledged are found, each once', async () => {
  expect(Object.values(account).map(({ size }) => size > 2)).toEqual([true, true, true, true, true])
  expect(await audited(account)).toEqual({ lost: 0, doubled: 0, wrong: [] })
})

/** What callers were told otherwise, how much is lost and doubled by that, and what is said of it. */
const amiss: [string, (told: Account) => unknown, number, number, RegExp][] = [
  [
    'an agent that is not there',
    ({ agents }) => agents.set('x', { id: 'x', version: '1', description: '0' }),
    1,
    0,
    /^agent x is not there$/,
  ],
  ['an agent that nobody was told of', ({ agents }) => agents.delete('talker'), 0, 1, /^agent talker is there and nobody was told$/],
  ['another agent of that name', ({ agents }) => Object.assign(agents.get('talker') ?? {}, { id: 'y' }), 1, 0, /instead of y: 0$/],
  ['an increment that is lost', ({ counters }) => counters.set('one', (counters.get('one') ?? 0) + 1), 1, 0, /^counter one is/],
  ['a counter that nobody was told of', ({ counters }) => counters.set('one', (counters.get('one') ?? 0) - 1), 0, 1, /^counter one is/],
  ['a payment that is lost', ({ intents }) => intents.set('x', 5), 2, 0, /^intent x is not there$/],
  ['a payment that nobody was told of', ({ intents }) => intents.delete(first(intents)), 0, 2, /^transaction of intent pi_\S+ is there/],
  ['a record with other content', ({ records }) => records.set(first(records), 'other'), 1, 0, /instead of other$/],
  ['a message that nobody was told of', ({ messages }) => messages.delete(first(messages)), 0, 1, /^message msg_\S+ is there/],
]

test.each(amiss)('%s is found', async (_what, change, lost, doubled, words) => {
  const told = structuredClone(account)
  change(told)
  const found = await audited(told)
  expect(found).toMatchObject({ lost, doubled })
  expect(found.wrong).toContainEqual(expect.stringMatching(words))
})

test('a second charge of an intent, and a message that was not counted, are found', async () => {
  await app.database.sql(
    `insert into payment_transactions (organization_id, id, intent_id, type, amount, currency, version, created_at, updated_at)
    select organization_id, id || '.again', intent_id, type, amount, currency, version, created_at, updated_at
    from payment_transactions where organization_id = $1 limit 1`,
    [id],
  )
  await app.database.sql(`update conversations set message_count = message_count + 1 where organization_id = $1 and id = 'talk-one'`, [id])
  const { lost, doubled, wrong } = await audited(account)
  expect({ lost, doubled }).toEqual({ lost: 0, doubled: 1 })
  expect(wrong).toEqual([
    expect.stringMatching(/^transaction of intent pi_\S+ is there twice$/),
    expect.stringMatching(/^a conversation has miscounted its messages: .*talk-one/),
    expect.stringMatching(/^an intent says other sums than its transactions: /),
  ])
})
