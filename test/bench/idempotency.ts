import { compare } from '../support/load.ts'
import { AGENT, type Bench, gateway } from './ground.ts'
import { loadCells, loadColumns } from './report.ts'

/** What a kept answer costs: one more round trip and one more row. */
export const idempotency: Bench = {
  name: 'idempotency',
  about: 'POST /agents with an Idempotency-Key of its own each, against the same without',
  run: async ({ serve, organization }) => {
    const ours = await serve(gateway)
    const { key } = await organization(ours, 'acme')
    const plain = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const post = { url: `${ours.url}/agents`, method: 'POST', body: AGENT }
    const { first, second, ratio } = await compare(
      { ...post, headers: plain },
      { ...post, headers: { ...plain, 'idempotency-key': 'key [<id>] of the bench' } },
    )
    return {
      table: [
        ['', ...loadColumns],
        ['POST /agents', ...loadCells(first)],
        ['with Idempotency-Key', ...loadCells(second)],
      ],
      targets: [{ what: 'with / without', value: ratio }],
    }
  },
}
