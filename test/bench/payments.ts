import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgresIntents } from '../../functions/payments/postgres.ts'
import type { Move } from '../../functions/payments/store.ts'
import type { Database } from '../../shared/db/database.ts'
import { migrate } from '../../shared/db/migrate.ts'
import type { Scope } from '../../shared/db/scope.ts'
import { sha256 } from '../../shared/http/credentials.ts'
import { loadPayments, type PaymentsFound } from '../faults/payments.ts'
import { runChild } from '../support/children.ts'
import { migrationsDir, onServer } from '../support/global.ts'
import { ledgerFaults } from '../support/ledger.ts'
import { type Load, median } from '../support/load.ts'
import { startServer } from '../support/server.ts'
import { ADMIN_KEY, type Bench, environmentOf, gateway, outdir } from './ground.ts'
import { EACH, pgbench, recorded, scriptOf } from './pgbench.ts'
import { loadCells, loadColumns } from './report.ts'

const CLIENTS = 50
const SECONDS = Number(process.env.BENCH_PAYMENTS_SECONDS ?? 8)
const ROUNDS = Number(process.env.BENCH_PAYMENTS_ROUNDS ?? 3)
const OPERATIONS = Number(process.env.BENCH_PAYMENTS_OPERATIONS ?? 10_000)
const SEED = 20_261_123
const AT = '2026-11-23T12:00:00.000Z'

/** What a step answers, as long as it is. */
const answered = JSON.stringify({
  ...{ id: EACH, organization_id: 'org_bench', amount: 1999, currency: 'usd', currency_exponent: 2, status: 'requires_capture' },
  ...{ capture_method: 'manual', provider: 'manual', amount_capturable: 1999, amount_received: 0, amount_refunded: 0 },
  ...{ cancellation_reason: null, metadata: {}, version: 123456, created_at: AT, updated_at: AT },
})

/** The statements of create, confirm and capture, each under its key, as the functions send them. */
const paymentScript = async (organization_id: string, token: string): Promise<string> => {
  const caller = { kind: 'token', hash: sha256(token), role: 'member' } as const
  const scope: Scope = { organization_id, caller, context: { request_id: 'bench', address: '127.0.0.1' } }
  const moveOf = (kind: Move['kind']): Move => ({ kind, operation: `pop_${EACH}`, transaction: `txn_${EACH}`, at: AT })
  const terms = { amount: 1999, currency: 'usd', capture_method: 'manual', provider: 'manual', metadata: {}, at: AT } as const
  const steps: ((db: Database, inner: Scope) => Promise<unknown>)[] = [
    (db, inner) => postgresIntents(db).create(inner, { ...terms, id: EACH }),
    (db, inner) => postgresIntents(db).move(inner, EACH, moveOf('confirm')),
    (db, inner) => postgresIntents(db).move(inner, EACH, moveOf('capture')),
  ]
  const trips = []
  for (const [n, step] of steps.entries()) {
    const work = async (db: Database, inner: Scope) => {
      await step(db, inner)
      return answered
    }
    trips.push(...(await recorded(scope, `payments/intents key-${n}-${EACH}`, [EACH, '123456', answered, null], work)))
  }
  return scriptOf(trips)
}

/** The long run of operations under kills, on a server of its own that can be crashed. */
const underKills = async (): Promise<PaymentsFound> => {
  const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
  chmodSync(folder, 0o755)
  const server = await startServer(join(folder, 'postgres'))
  try {
    await onServer(server.url, client => migrate(client, migrationsDir))
    return await loadPayments({
      ...{ script: `${outdir}/${gateway}.js`, environment: environmentOf(server.url), adminKey: ADMIN_KEY },
      ...{ seed: SEED, operations: OPERATIONS, clients: CLIENTS, kills: 10, crashes: 5 },
      sql: async <R>(text: string, values?: unknown[]) => (await onServer(server.url, client => client.query(text, values))).rows as R[],
      crash: () => server.crash(),
    })
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const payments: Bench = {
  name: 'payments',
  about: `create + confirm + capture by ${CLIENTS} callers, against pgbench sending the same statements; and ${OPERATIONS} operations under kills, seed ${SEED}`,
  run: async ({ database, serve, organization }) => {
    const ours = await serve(gateway, { DB_POOL_SIZE: process.env.BENCH_PAYMENTS_POOL ?? '10' })
    const { id, key } = await organization(ours, 'org_bench')
    const script = await paymentScript(id, key)
    const pay = async (mark: string): Promise<Load> =>
      JSON.parse(
        await runChild(['--enable-source-maps', `${outdir}/test/bench/children/payer.js`], {
          ...{ URL: ours.url, KEY: key, CLIENTS: String(CLIENTS), SECONDS: String(SECONDS), MARK: mark },
        }),
      )
    await pay('warm-up')
    await pgbench(database, script, CLIENTS, SECONDS)
    const rounds: { over: Load; bare: number }[] = []
    for (let round = 0; round < ROUNDS; round++)
      rounds.push({ over: await pay(String(round)), bare: await pgbench(database, script, CLIENTS, SECONDS) })
    const of = (part: keyof Load) => median(rounds.map(({ over }) => over[part]))
    const faults = await onServer(database, client => ledgerFaults(async (text, values) => (await client.query(text, values)).rows))
    const load = await underKills()
    return {
      table: [
        ['', ...loadColumns],
        ['payments over HTTP', ...loadCells({ rate: of('rate'), p50: of('p50'), p99: of('p99') })],
        ['payments by pgbench', String(Math.round(median(rounds.map(({ bare }) => bare)))), '', ''],
        ['operations under kills: acknowledged', String(load.acknowledged), '', ''],
        ['refused by state', String(load.refused), '', ''],
        ['repeated until told', String(load.repeated), '', ''],
        ['left by their caller', String(load.left), '', ''],
        ['faults', [...faults, ...load.faults].slice(0, 5).join('; ') || '0', '', ''],
      ],
      targets: [
        { what: 'over HTTP / by pgbench', value: median(rounds.map(({ over, bare }) => over.rate / bare)), least: 0.5 },
        { what: 'laws of money broken, operations lost or doubled', value: faults.length + load.faults.length, most: 0 },
      ],
    }
  },
}
