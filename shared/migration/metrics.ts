import type { Metrics } from '../observe/metrics.ts'
import type { Measured } from './measure.ts'
import type { Staged } from './staged.ts'

/** Tells of the mirrors of this process, as they have been since their stage began: of a collection in `complete` there is none. */
export const measureMirrors = (metrics: Metrics, collections: ReadonlyMap<string, Staged<object>>): void => {
  const gauge = (name: string, description: string, read: (measured: Measured) => number | undefined) =>
    metrics.gauge(name, description, () =>
      [...collections.values()].flatMap(({ name: collection, keeper, measure }) => {
        const stage = keeper.stage()
        const value = stage === undefined || stage === 'complete' ? undefined : read(measure.read())
        return value === undefined ? [] : [[{ collection }, value] as const]
      }),
    )
  gauge('migration_compared', 'Reads whose two answers were compared', ({ compared }) => compared)
  gauge('migration_mismatches', 'Reads whose two answers differed', ({ compared, agreed }) => compared - agreed)
  gauge('migration_agreement', 'The share of compared reads that agreed', ({ compared, agreed }) =>
    compared === 0 ? undefined : agreed / compared,
  )
  gauge('migration_fallbacks', 'Reads that memory answered for Postgres', ({ fallbacks }) => fallbacks)
  gauge('migration_errors', 'Calls of a mirrored store that failed', ({ errors }) => errors)
}
