import { mkdtempSync } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrate } from '../../shared/db/migrate.ts'
import { bundleTo } from '../support/bundle.ts'
import { ADMIN_KEY } from '../support/database.ts'
import { databaseUrl, migrationsDir, onServer } from '../support/global.ts'
import { type Server, startServer } from '../support/server.ts'
import { type Fate, STRIPE_KEY, STRIPE_SECRET, type StripeStandIn, startStripe } from '../support/stripe.ts'
import { loadPayments } from './payments.ts'

let server: Server
let stripe: StripeStandIn
let folder: string
let directory: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'agenthub-payments-'))
  await chmod(directory, 0o755) // the server runs as another user than root
  server = await startServer(join(directory, 'postgres'))
  stripe = await startStripe()
  folder = await bundleTo(`dist/payments-${process.pid}`, ['functions/start'])
})
afterAll(async () => {
  await server.stop()
  await stripe.close()
  await rm(folder, { recursive: true })
  await rm(directory, { recursive: true, force: true })
})

const load = async (name: string, operations: number, environment: Record<string, string>, crashes: number) => {
  const url = databaseUrl(server.url, name)
  await onServer(server.url, client => client.query(`create database ${name}`))
  await onServer(url, client => migrate(client, migrationsDir))
  return loadPayments({
    ...{ script: `${folder}/functions/start.js`, adminKey: ADMIN_KEY, seed: 20261123, operations, clients: 50, kills: 1, crashes },
    environment: {
      DATABASE_URL: url,
      AGENTHUB_ADMIN_KEY: ADMIN_KEY,
      PORT: '0',
      LOG_LEVEL: 'error',
      RATE_LIMIT_PER_MINUTE: '0',
      ...environment,
    },
    sql: async <R>(text: string, values?: unknown[]) => (await onServer(url, client => client.query(text, values))).rows as R[],
    crash: () => server.crash(),
  })
}

test('whatever is killed, cut or repeated, money is where the callers were told, once', async () => {
  const found = await load('by_hand', Number(process.env.TEST_PAYMENT_OPERATIONS ?? 400), {}, 1)
  expect(found).toMatchObject({ faults: [] })
  expect(found.acknowledged).toBeGreaterThan(200)
  expect(found.repeated).toBeGreaterThan(0)
}, 600_000)

test('and the same with a provider outside that fails as they do: it did each thing once', async () => {
  const fates: Fate[] = ['effect without answer', 'no effect and no answer', 'error of theirs']
  let asked = 0
  stripe.fate = () => fates[++asked % 23] ?? 'answer'
  const environment = {
    ...{ PAYMENT_PROVIDER: 'stripe', STRIPE_API_URL: stripe.url, STRIPE_API_KEY: STRIPE_KEY, STRIPE_WEBHOOK_SECRET: STRIPE_SECRET },
  }
  const found = await load('outside', Number(process.env.TEST_PAYMENT_OPERATIONS ?? 400) / 3, environment, 0)
  expect(found).toMatchObject({ faults: [] })
  expect(found.repeated).toBeGreaterThan(0)
  expect([...stripe.effects.values()].filter(effects => effects !== 1)).toEqual([])
  const url = databaseUrl(server.url, 'outside')
  const text = `select count(*) as open from payment_operations where state = 'begun'`
  expect((await onServer(url, client => client.query(text))).rows).toEqual([{ open: '0' }])
  const ours = await onServer(url, client =>
    client.query<{ id: string; sums: string[] }>(
      `select provider_reference as id, array[amount_received, amount_refunded]::text[] as sums from payment_intents`,
    ),
  )
  for (const { id, sums } of ours.rows) {
    const theirs = stripe.intents.get(id)
    expect([id, ...sums]).toEqual([id, String(theirs?.amount_received), String(theirs?.latest_charge?.amount_refunded ?? 0)])
  }
}, 600_000)
