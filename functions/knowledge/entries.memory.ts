import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Entry } from './entries.schema.ts'
import type { EntryStore } from './entries.store.ts'

/** An entry as it is kept: with what an import left in `extra`. Its vectors can be made again, and are not kept. */
type Kept = Omit<Entry, 'version'> & { extra?: unknown }
export type EntryTable = Table<Kept, Entry>

export const entryTable = (): EntryTable =>
  makeTable({
    render: ({ extra: _, ...entry }, version) => ({ ...entry, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

/** Entries in this process, as the dictionary had them: any agent may be named. */
export const memoryEntries = (table: EntryTable = entryTable()): EntryStore => ({
  get: async (scope, id) => table.get(scope.organization_id, id),
  list: async (scope, slice, { agent_id }) =>
    table.list(scope.organization_id, slice, one => agent_id === undefined || one.agent_id === agent_id),
  create: async ({ organization_id }, { at, ...entry }) =>
    table.create(organization_id, entry.id, { ...entry, organization_id, created_at: at, updated_at: at }),
  update: async (scope, id, patch, _, at, ifMatch) => {
    const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
    return table.put(scope.organization_id, id, one => one && { ...one, ...given, updated_at: at }, ifMatch)
  },
  remove: async (scope, id, at, ifMatch) => table.remove(scope.organization_id, id, one => ({ ...one, updated_at: at }), ifMatch),
})
