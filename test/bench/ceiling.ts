import { compare } from '../support/load.ts'
import { type Bench, gateway } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'

/** What functions-framework could serve at most, beside what we serve. */
export const ceiling: Bench = {
  name: 'ceiling',
  about: 'functions-framework answering a constant, beside GET /agents/{id} with an API key through the whole gateway',
  run: async ({ serve, organization, agent }) => {
    const ours = await serve(gateway)
    const { key } = await organization(ours, 'acme')
    const headers = { authorization: `Bearer ${key}` }
    const { path, json } = await agent(ours, key)
    const constant = await serve('test/bench/children/constant', { BODY: json })
    const { first, second, ratio } = await compare({ url: constant.url + path, headers }, { url: ours.url + path, headers })
    return {
      table: [
        ['', ...loadColumns],
        ['a constant', ...loadCells(first)],
        ['GET /agents/{id}', ...loadCells(second)],
      ],
      targets: [{ what: 'ours / the constant', value: ratio, least: 0.85 }],
    }
  },
}
