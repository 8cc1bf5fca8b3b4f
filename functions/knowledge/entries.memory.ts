import type { Embedded } from '../../shared/embeddings/items.ts'
import { embeddedText } from '../../shared/embeddings/texts.ts'
import { byTime, makeTable, type Table } from '../../shared/memory.ts'
import type { Entry } from './entries.schema.ts'
import type { EntryStore } from './entries.store.ts'

/**
 * An entry as it is kept: with what an import left in `extra`, and the vector that a caller brought (its 32 bits as they print with 64).
 * A model's vectors can be made again, and are not kept.
 */
type Kept = Omit<Entry, 'version'> & { vector: number[] | null; extra?: unknown }
export type EntryTable = Table<Kept, Entry>

export const entryTable = (): EntryTable =>
  makeTable({
    render: ({ vector: _, extra: __, ...entry }, version) => ({ ...entry, version: Number(version) }),
    keyOf: ({ created_at, id }) => [created_at, id],
    sortOf: byTime,
    order: 'down',
  })

const brought = ({ vector }: Embedded): number[] | null => (vector?.provider === 'caller' ? [...vector.vector] : null)

/** Entries in this process, as the dictionary had them: any agent may be named. */
export const memoryEntries = (table: EntryTable = entryTable()): EntryStore => ({
  get: async (scope, id) => table.get(scope.organization_id, id),
  list: async (scope, slice, { agent_id }) =>
    table.list(scope.organization_id, slice, one => agent_id === undefined || one.agent_id === agent_id),
  create: async ({ organization_id }, { at, ...entry }, embedded) =>
    table.create(organization_id, entry.id, { ...entry, vector: brought(embedded), organization_id, created_at: at, updated_at: at }),
  update: async (scope, id, patch, embedded, at, ifMatch) => {
    const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
    const changed = (before: Kept): Kept => {
      const after = { ...before, ...given, updated_at: at }
      const same = embeddedText.knowledge(before) === embeddedText.knowledge(after)
      return { ...after, vector: brought(embedded) ?? (same ? before.vector : null) }
    }
    return table.put(scope.organization_id, id, before => before && changed(before), ifMatch)
  },
  remove: async (scope, id, at, ifMatch) =>
    table.remove(scope.organization_id, id, entry => ({ ...entry, vector: null, updated_at: at }), ifMatch),
})
