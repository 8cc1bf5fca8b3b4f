import { crash as kill } from '../faults/crash.ts'
import { onServer } from '../support/global.ts'
import { ADMIN_KEY, type Bench, environmentOf, gateway, outdir } from './ground.ts'

const SEED = 20_261_122

/** A hundred deaths of the process under load, where the suite has ten. */
export const crash: Bench = {
  name: 'crash',
  about: `a gateway killed (SIGKILL) under the writes of 20 clients, 25 times in each of four stages; seed ${SEED}`,
  run: async ({ database }) => {
    const found = await kill({
      script: `${outdir}/${gateway}.js`,
      environment: { ...environmentOf(database), MIGRATION_STAGE_CACHE_SECONDS: '1' },
      adminKey: ADMIN_KEY,
      sql: async <R>(text: string, values?: unknown[]) => (await onServer(database, client => client.query(text, values))).rows as R[],
      seed: SEED,
      kills: [
        ['dualwrite', 25],
        ['shadow', 25],
        ['live', 25],
        ['rampdown', 25],
      ],
    })
    return {
      table: [
        ['', 'count'],
        ['kills', String(found.kills)],
        ['writes acknowledged', String(found.acknowledged)],
        ['outcomes unknown', String(found.unknown)],
        ['retried with their key, and found to have been done', String(found.replayed)],
        ['slowest restart until all is served, ms', String(Math.round(found.slowestRestart))],
        ['faults', found.faults.slice(0, 5).join('; ') || '0'],
      ],
      targets: [{ what: 'writes lost, doubled or different', value: found.faults.length, most: 0 }],
    }
  },
}
