import { mkdtempSync, rmSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bench, type Ground, gateway } from './ground.ts'

const EVENTS = Number(process.env.BENCH_INGEST_EVENTS ?? 300_000)
const SIZES = [1, 100, 1000]
/** Requests at once. */
const CLIENTS = 8
const START = Date.UTC(2026, 2, 1)

/** An event as one is, about 250 bytes: a month of them, by 20 agents, nearly in their order. */
const event = (prefix: string, n: number, of: number) => ({
  event_id: `${prefix}-${n}`,
  event_type: ['message_sent', 'message_received', 'search', 'booking', 'payment'][n % 5],
  agent_id: `agent_${n % 20}`,
  occurred_at: new Date(START + Math.floor((n / of) * 30 * 86_400_000) + (n % 7) * 1000).toISOString(),
  event_data: { session: `s${n % 1000}`, path: '/articles/dynamic-dns-with-dhcp/', status: 200, bytes: 18848 + (n % 997), referrer: null },
})

const bodies = (prefix: string, size: number, events: number): string[] =>
  Array.from({ length: Math.ceil(events / size) }, (_, batch) => {
    const given = Array.from({ length: size }, (_, i) => event(prefix, batch * size + i, events))
    return JSON.stringify(size === 1 ? given[0] : { events: given })
  })

/** Posts them all, so many at once; events a second. */
const ingested = async (url: string, key: string, posts: string[], size: number): Promise<number> => {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const start = performance.now()
  const left = posts[Symbol.iterator]()
  const client = async () => {
    for (const body of left) {
      const response = await fetch(`${url}/analytics/events`, { method: 'POST', headers, body })
      const { accepted } = (await response.json()) as { accepted: number }
      if (accepted !== size) throw new Error(`${response.status}: ${accepted} of ${size} events were accepted`)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return (posts.length * size * 1000) / (performance.now() - start)
}

const agents = `insert into agents (organization_id, id, name, version, created_at, updated_at)
select 'acme', 'agent_' || n, 'Agent', nextval('row_version'), now(), now() from generate_series(0, 19) n`

const columns = 'organization_id, id, event_type, event_data, agent_id, version, created_at, updated_at'

/** The very rows of the last run, read by the server from a file of its own: indexes and triggers included. Rows a second. */
const copied = async (sql: Ground['sql'], file: string, rows: number): Promise<number> => {
  await sql(`copy (select ${columns} from analytics_events where id like 'last-%') to '${file}'`)
  await sql('truncate analytics_events, analytics_event_keys, event_deltas, audit_events')
  await sql('checkpoint')
  const start = performance.now()
  await sql(`copy analytics_events (${columns}) from '${file}'`)
  return (rows * 1000) / (performance.now() - start)
}

/** Events a second by POST /analytics/events, each with an event_id, beside COPY. */
export const ingest: Bench = {
  name: 'ingest',
  about: `POST /analytics/events of 1, 100 and 1,000 events with an event_id each, ${CLIENTS} at once, beside COPY of ${EVENTS} rows into the same table`,
  run: async ({ serve, organization, sql }) => {
    const folder = mkdtempSync(join(tmpdir(), 'agenthub-bench-'))
    await chmod(folder, 0o777) // the server writes here, as another user than root
    try {
      const ours = await serve(gateway)
      const { key } = await organization(ours, 'acme')
      await sql(agents)
      const rates = new Map<number, number>()
      await ingested(ours.url, key, bodies('warm', 100, 20_000), 100)
      for (const size of SIZES) {
        const events = size === 1 ? Math.ceil(EVENTS / 100) : size === 100 ? Math.ceil(EVENTS / 4) : EVENTS
        rates.set(size, await ingested(ours.url, key, bodies(size === 1000 ? 'last' : `b${size}`, size, events), size))
      }
      const copy = await copied(sql, join(folder, 'events.copy'), EVENTS)
      const rate = (size: number) => rates.get(size) as number
      return {
        table: [
          ['events at a time', 'events/s'],
          ...SIZES.map(size => [String(size), String(Math.round(rate(size)))]),
          ['COPY', String(Math.round(copy))],
        ],
        targets: [
          { what: 'batches of 1,000 / COPY', value: rate(1000) / copy, least: 0.5 },
          { what: 'batches of 1,000 / single posts', value: rate(1000) / rate(1), least: 10 },
        ],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
