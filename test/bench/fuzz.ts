import { roles } from '../../shared/roles.ts'
import { makeOne } from '../support/examples.ts'
import { fuzz } from '../support/fuzz.run.ts'
import { callsOf } from '../support/http.ts'
import { operationsOf } from '../support/operations.ts'
import { rawClient } from '../support/raw.ts'
import { ADMIN_KEY, type Bench, gateway } from './ground.ts'

const COUNT = Number(process.env.TEST_FUZZ_COUNT ?? 50_000)
const AT_ONCE = 8
const MARK = 'mark-of-another'
/** How many of the wrong answers are written out. */
const SHOWN = 10

/** The suite's odd requests, many more of them and several at once. The first that are answered wrongly are written out. */
export const oddRequests: Bench = {
  name: 'fuzz',
  about: `${COUNT} odd requests of every operation of the document, by every role and by nobody, ${AT_ONCE} at once (some 5 minutes)`,
  run: async ({ serve, organization }) => {
    const ours = await serve(gateway)
    const client = rawClient(ours.url, AT_ONCE)
    const seed = Number(process.env.TEST_FUZZ_SEED ?? Date.now() % 1_000_000)
    let founded = 0
    const found = () => organization(ours, `fuzzed-${++founded}`)
    const started = performance.now()
    const { statuses, met, wrong } = await fuzz({
      operations: operationsOf(JSON.parse((await client.send({ method: 'GET', path: '/openapi.json', headers: {} })).text)),
      send: client.send,
      admin: ADMIN_KEY,
      keys: async () => {
        const { key } = await found()
        const call = callsOf(ours.url, key)
        const made = roles.slice(0, -1).map(role => call('POST', '/organizations/api-keys', { name: role, role }))
        return [key, key, ...(await Promise.all(made)).map(({ body }) => body.secret)]
      },
      theirs: await makeOne(callsOf(ours.url, (await found()).key), MARK),
      mark: MARK,
      count: COUNT,
      seed,
      atOnce: AT_ONCE,
    })
    client.close()
    for (const report of wrong.slice(0, SHOWN)) process.stderr.write(`${report}\n\n`)
    const sorted = [...statuses].sort(([a], [b]) => a - b)
    const sent = sorted.reduce((sum, [, times]) => sum + times, 0)
    const rate = Math.round((1000 * sent) / (performance.now() - started))
    return {
      table: [
        ['status', 'answers'],
        ...sorted.map(([status, times]) => [String(status), String(times)]),
        ['requests sent', String(sent)],
        [`requests/s, seed ${seed}`, String(rate)],
      ],
      targets: [
        {
          what: 'errors of ours but 503, foreign records, answers that the document does not have, words of our insides',
          value: wrong.length,
          most: 0,
        },
        { what: 'answers that were 503', value: (statuses.get(503) ?? 0) / sent, most: 0.01 },
        { what: 'operations that took some request', value: met.size, least: 80 },
      ],
    }
  },
}
