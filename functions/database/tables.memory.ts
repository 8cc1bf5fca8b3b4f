import { Refusal } from '../../shared/errors.ts'
import { type Table as Memory, makeTable } from '../../shared/memory.ts'
import type { Row } from '../../shared/record.ts'
import type { Table } from './schema.ts'
import type { TableStore } from './store.ts'

/** A table as it is kept; `implicit` are those that only imported records tell of. */
type Kept = Omit<Table, 'version'> & { implicit: boolean; extra?: unknown }
export type TableTable = Memory<Kept, Table>

export const tableTable = (): TableTable =>
  makeTable({
    render: ({ implicit: _, extra: __, ...table }, version) => ({ ...table, version: Number(version) }),
    keyOf: ({ id }) => [id],
    order: 'up',
  })

/** Tables in this process. */
export const memoryTables = (table: TableTable = tableTable()): TableStore => ({
  get: async (scope, name) => table.get(scope.organization_id, name),
  list: async (scope, slice) => table.list(scope.organization_id, slice),
  put: async ({ organization_id }, name, { columns, strict, at }, ifMatch) => {
    const before = table.peek(organization_id, name)
    if (before === undefined && ifMatch !== undefined) throw new Refusal('version_mismatch', `there is no table ${name} any more`)
    const kept = {
      ...before,
      id: name,
      organization_id,
      columns,
      strict,
      implicit: false,
      created_at: before?.created_at ?? at,
      updated_at: at,
    }
    return { row: table.put(organization_id, name, () => kept, ifMatch) as Row<Table>, created: before === undefined }
  },
  remove: async ({ organization_id }, name, at, ifMatch) =>
    table.remove(organization_id, name, kept => ({ ...kept, updated_at: at }), ifMatch),
})
