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
const seconds = async (method: string, url: string, key: string): Promise<{ taken: number; body: ReturnType<typeof JSON.parse> }> => {
  const start = performance.now()
  const response = await fetch(url, { method, headers: { authorization: `Bearer ${key}` } })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 500)}`)
  return { taken: (performance.now() - start) / 1000, body: text.startsWith('{"valid"') ? JSON.parse(text) : text.length }
}

/** What the audit costs a write, and how fast its events are sealed, verified and exported. */
export const audit: Bench = {
  name: 'audit',
  about: `POST /agents with the audit's trigger and without; sealing, verifying and exporting ${EVENTS} events (BENCH_AUDIT_EVENTS)`,
  run: async ({ serve, organization, sql }) => {
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
    await seconds('POST', `${ours.url}/jobs/seal-audit`, ADMIN_KEY)
    await sql(insert, [EVENTS])
    const sealing = await seconds('POST', `${ours.url}/jobs/seal-audit`, ADMIN_KEY)
    const verifying = await seconds('GET', `${ours.url}/audit/verify`, sealed.key)
    if (!verifying.body.valid || verifying.body.sealed < EVENTS) throw new Error(`verified ${JSON.stringify(verifying.body)}`)
    const exporting = await seconds('GET', `${ours.url}/audit/export`, sealed.key)
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
