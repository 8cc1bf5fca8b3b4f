import { addDecimals } from '../../shared/decimal.ts'
import { LosslessNumber } from '../../shared/json.ts'
import { makeTable, type NextVersion } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Counter } from './counters.schema.ts'
import type { CounterStore } from './store.ts'

type Kept = { name: string; value: string }

/** Counters in this process, with exact decimals. */
export const memoryCounters = (nextVersion: NextVersion): CounterStore => {
  const table = makeTable<Kept, Counter>(nextVersion, ({ name, value }) => ({ name, value: new LosslessNumber(value) }))
  return {
    get: async (scope, name) => table.get(scope.organization_id, name),
    list: async (scope, slice) => table.list(scope.organization_id, slice, ({ name }) => [name], 'up'),
    increment: async (scope, name, by) => {
      const added = table.put(scope.organization_id, name, kept => ({ name, value: addDecimals(kept?.value ?? '0', by) }))
      return added as Row<Counter>
    },
  }
}
