import { median } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'

const ROWS = 60_000
const LIMIT = 50
const PAGE = 1_000
const TIMES = 300

/** Agents of two organizations, in turn, one a second. */
const fill = `insert into agents (organization_id, id, name, configuration, status, version, created_at, updated_at)
select organization, 'agt_' || lpad(n::text, 8, '0'), 'Agent ' || n, '{"tone": "warm"}', 'active', nextval('row_version'), at, at
from generate_series(1, ${ROWS}) n, unnest(array['acme', 'other']) organization, lateral (select timestamptz '2026-01-01' + n * interval '1 second') as t (at)`

/** A list's late pages, beside its first. */
export const pages: Bench = {
  name: 'pages',
  about: `page ${PAGE} of GET /agents?limit=${LIMIT} beside page 1: ${ROWS} agents in each of two organizations, one request at a time`,
  run: async ({ serve, organization, sql, call }) => {
    const ours = await serve(gateway)
    const { key } = await organization(ours, 'acme')
    await sql(fill)
    await sql('vacuum analyze agents')

    const calling = call(ours, key)
    const get = async (cursor: string | undefined): Promise<{ milliseconds: number; next: string | null }> => {
      const start = performance.now()
      const after = cursor === undefined ? '' : `&cursor=${cursor}`
      const text = await calling('GET', `/agents?limit=${LIMIT}${after}`)
      const milliseconds = performance.now() - start
      const { items, next_cursor } = JSON.parse(text) as { items: unknown[]; next_cursor: string | null }
      if (items.length !== LIMIT) throw new Error(`a page has ${items.length} items`)
      return { milliseconds, next: next_cursor }
    }

    let late: string | undefined
    for (let page = 1; page < PAGE; page++) late = (await get(late)).next ?? undefined
    if (late === undefined) throw new Error('the list ended early')
    const times: { first: number; last: number }[] = []
    for (let i = 0; i < TIMES; i++) times.push({ first: (await get(undefined)).milliseconds, last: (await get(late)).milliseconds })
    const first = median(times.map(time => time.first))
    const last = median(times.map(time => time.last))
    return {
      table: [
        ['', 'median ms'],
        ['page 1', first.toFixed(2)],
        [`page ${PAGE}`, last.toFixed(2)],
      ],
      targets: [{ what: `page ${PAGE} / page 1`, value: last / first, most: 1.5 }],
    }
  },
}
