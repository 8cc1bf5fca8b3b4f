import { compare } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'

export const scope: Bench = {
  name: 'scope',
  about: 'what the tenant scope costs: GET /agents/{id} with and without it; one trip against four at 1 ms of network delay',
  run: async ({ serve, organization, agent }) => {
    const scoped = await serve(gateway)
    const unscoped = await serve('test/bench/children/unscoped')
    const { key } = await organization(scoped, 'acme')
    const headers = { authorization: `Bearer ${key}` }
    const { path } = await agent(scoped, key)
    const { first, second, ratio } = await compare({ url: unscoped.url + path, headers }, { url: scoped.url + path, headers })
    return {
      table: [
        ['', ...loadColumns],
        ['no scope, no row-level security', ...loadCells(first)],
        ['one-trip scope', ...loadCells(second)],
      ],
      targets: [{ what: 'with scope / without', value: ratio, least: 0.85 }],
    }
  },
}
