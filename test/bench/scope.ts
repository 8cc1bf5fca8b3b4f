import { sha256 } from '../../shared/http/credentials.ts'
import { compare } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'
import { trips } from './trips.ts'

/** What the tenant scope and row-level security cost, and what one round trip spares. */
export const scope: Bench = {
  name: 'scope',
  about: 'GET /agents/{id} with the one-trip tenant scope and without any; and one trip against four, behind 1 ms of delay in total',
  run: async ({ serve, organization, agent, database }) => {
    const scoped = await serve(gateway)
    const unscoped = await serve('test/bench/children/unscoped')
    const { id: organization_id, key } = await organization(scoped, 'acme')
    const { path } = await agent(scoped, key)
    const headers = { authorization: `Bearer ${key}` }
    const { first, second, ratio } = await compare({ url: unscoped.url + path, headers }, { url: scoped.url + path, headers })

    const delay = await serve('test/support/delay', { TARGET: new URL(database).host, DELAY_MS: '1' })
    const behind = Object.assign(new URL(database), { host: new URL(delay.url).host }).href
    const caller = { kind: 'token' as const, hash: sha256(key), role: 'viewer' as const }
    const text = 'select id, version, name from agents where organization_id = $1 and id = $2 and deleted_at is null'
    const statement = { name: 'bench_agent', text, values: [organization_id, path.slice('/agents/'.length)] }
    const {
      one,
      four,
      ratio: faster,
      roundTrip,
    } = await trips(behind, { organization_id, caller, context: { request_id: 'bench' } }, statement)
    return {
      table: [
        ['', ...loadColumns],
        ['no scope, no row-level security', ...loadCells(first)],
        ['one-trip scope', ...loadCells(second)],
        [`one trip of ${roundTrip.toFixed(1)} ms, no HTTP`, String(Math.round(one))],
        ['four such trips', String(Math.round(four))],
      ],
      targets: [
        { what: 'with scope / without', value: ratio, least: 0.85 },
        { what: 'one trip / four', value: faster, least: 3 },
      ],
    }
  },
}
