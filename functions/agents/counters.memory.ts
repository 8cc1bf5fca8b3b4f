import { addDecimals } from '../../shared/decimal.ts'
import { LosslessNumber } from '../../shared/json.ts'
import { makeTable, type Table } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Counter } from './counters.schema.ts'
import type { CounterStore } from './store.ts'

/** A counter as it is kept: its value as decimal text. */
type Kept = { id: string; organization_id: string; value: string; extra?: unknown; created_at: string; updated_at: string }
export type CounterTable = Table<Kept, Counter>

export const counterTable = (): CounterTable =>
  makeTable({ render: ({ id, value }) => ({ name: id, value: new LosslessNumber(value) }), keyOf: ({ id }) => [id], order: 'up' })

/** Counters in this process, with exact decimals. */
export const memoryCounters = (table: CounterTable = counterTable()): CounterStore => ({
  get: async (scope, name) => table.get(scope.organization_id, name),
  list: async (scope, slice) => table.list(scope.organization_id, slice),
  increment: async (scope, name, by, at) => {
    const { organization_id } = scope
    const added = table.put(organization_id, name, kept => {
      const counter = kept ?? { id: name, organization_id, value: '0', created_at: at }
      return { ...counter, value: addDecimals(counter.value, by), updated_at: at }
    })
    return added as Row<Counter>
  },
})
