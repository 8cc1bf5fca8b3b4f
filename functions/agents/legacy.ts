import type { Collection } from '../../shared/db/legacy.ts'

/** `agents`: key -> agent. Its configuration may be null, {} or absent, which all differ. */
export const agents: Collection = {
  name: 'agents',
  table: 'agents',
  entry: {
    id: 'id',
    fields: [
      { field: 'name', column: 'name', type: 'text', required: true },
      { field: 'industry', column: 'industry', type: 'text' },
      { field: 'description', column: 'description', type: 'text' },
      { field: 'config', column: 'configuration', type: 'json' },
      { field: 'status', column: 'status', type: 'text', absent: "'active'" },
      { field: 'created_at', column: 'created_at', type: 'time' },
      { field: 'updated_at', column: 'updated_at', type: 'time' },
    ],
  },
}

/** `counters`: name -> number, with every digit. */
export const counters: Collection = {
  name: 'counters',
  table: 'counters',
  entry: { scalar: { column: 'value', type: 'number' } },
}
