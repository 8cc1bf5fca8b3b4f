import { walkUnderLoad } from '../migration/load.ts'
import { onServer } from '../support/global.ts'
import { ADMIN_KEY, type Bench, gateway } from './ground.ts'

const ENTRIES = Number(process.env.BENCH_STAGES_ENTRIES ?? 100_000)
const CLIENTS = 50
const MOST_SECONDS = 2

/** The pauses of a move under load: the longest time in which no request of the collection that moves was answered. */
export const stages: Bench = {
  name: 'stages',
  about: `the six stages forward and back under load: ${ENTRIES} entries of each collection written in off, ${CLIENTS} clients that read and write`,
  run: async ({ serve, database }) => {
    const { url } = await serve(gateway, { MIGRATION_INITIAL_STAGE: 'off', MIGRATION_STAGE_CACHE_SECONDS: '5' })
    const sql = async <R>(text: string, values?: unknown[]) => (await onServer(database, client => client.query(text, values))).rows as R[]
    const walked = await walkUnderLoad({ url, adminKey: ADMIN_KEY, sql, clients: CLIENTS, entries: ENTRIES, dwell: 500, seed: 1 })
    const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2)
    const longest = (what: 'noWrite' | 'noRead') => Math.max(...walked.steps.map(step => step[what])) / 1000
    return {
      table: [
        ['step', 'took s', 'no write s', 'no read s'],
        ...walked.steps.map(({ collection, from, to, took, noWrite, noRead }) => [
          `${collection}: ${from} -> ${to}`,
          ...[took, noWrite, noRead].map(seconds),
        ]),
        ['requests answered', String(walked.answered), '', ''],
        ['asked to come again (503)', String(walked.patient), '', ''],
        ['faults', String(walked.faults.length), walked.faults.slice(0, 3).join('; '), ''],
      ],
      targets: [
        { what: 'the longest time without a write, in seconds', value: longest('noWrite'), most: MOST_SECONDS },
        { what: 'the longest time without a read, in seconds', value: longest('noRead'), most: MOST_SECONDS },
        { what: 'writes lost, doubled or different, requests failed', value: walked.faults.length, most: 0 },
      ],
    }
  },
}
