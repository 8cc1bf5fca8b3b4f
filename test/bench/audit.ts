import { type Load, load, median } from '../support/load.ts'
import { ADMIN_KEY, AGENT, type Bench, gateway } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'

const EVENTS = Number(process.env.BENCH_AUDIT_EVENTS ?? 100_000)
const SECONDS = Number(process.env.BENCH_AUDIT_SECONDS ?? 8)
const ROUNDS = 3

const insert = `insert into audit_events (organization_id, actor, action, entity_type, entity_id, request_id, address, before, after)
select 'sealed', 'key:key_' || md5(n::text), 'update', 'agent', 'agt_' || md5((n % 1000)::text), gen_random_uuid(), '10.1.2.3',
  jsonb_build_object('name', 'Concierge ' || n, 'configuration', '{"tone": "warm", "language": "en"}'::jsonb),
  jsonb_build_object('name', 'Doorman ' || n, 'configuration', '{"tone": "cold", "language": "de"}'::jsonb)
from generate_series(1, $1::int) n`

/** Seconds that a request takes, which must succeed. */
const seconds = async (asked: () => Promise<string>): Promise<{ taken: number; text: string }> => {
  const start = performance.now()
  const text = await asked()
  return { taken: (performance.now() - start) / 1000, text }
}

/** What the audit costs a write, and how fast its events are sealed, verified and exported. */
export const audit: Bench = {
  name: 'audit',
  about: `POST /agents with the audit's trigger and without; sealing, verifying and exporting ${EVENTS} events (BENCH_AUDIT_EVENTS)`,
  run: async ({ serve, organization, sql, call }) => {
    const ours = await serve(gateway)
    const { key } = await organization(ours, 'acme')
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const post = { url: `${ours.url}/agents`, method: 'POST', headers, body: AGENT }
    const without = async () => {
      await sql('alter table agents disable trigger user')
      const found = await load(post, SECONDS)
      await sql('alter table agents enable trigger user')
      return found
    }
    await load(post, SECONDS / 2)
    const rounds: { plain: Load; audited: Load }[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push({ plain: await without(), audited: await load(post, SECONDS) })
    const middle = (side: 'plain' | 'audited') => {
      const of = (part: 'rate' | 'p50' | 'p99') => median(rounds.map(round => round[side][part]))
      return loadCells({ rate: of('rate'), p50: of('p50'), p99: of('p99') })
    }
    const sealed = await organization(ours, 'sealed')
    const seal = () => call(ours, ADMIN_KEY)('POST', '/jobs/seal-audit')
    const get = (path: string) => () => call(ours, sealed.key)('GET', path)
    await seal()
    await sql(insert, [EVENTS])
    const sealing = await seconds(seal)
    const verifying = await seconds(get('/audit/verify'))
    const verified = JSON.parse(verifying.text) as { valid: boolean; sealed: number }
    if (!verified.valid || verified.sealed < EVENTS) throw new Error(`verified ${verifying.text}`)
    const exporting = await seconds(get('/audit/export'))
    const rate = ({ taken }: { taken: number }) => `${Math.round(EVENTS / taken)} events/s`
    return {
      table: [
        ['', ...loadColumns],
        ['POST /agents without the trigger', ...middle('plain')],
        ['POST /agents, audited', ...middle('audited')],
        ['seal', rate(sealing)],
        ['verify', rate(verifying)],
        ['export', rate(exporting)],
      ],
      targets: [{ what: 'audited / without', value: median(rounds.map(({ plain, audited }) => audited.rate / plain.rate)), least: 0.8 }],
    }
  },
}
