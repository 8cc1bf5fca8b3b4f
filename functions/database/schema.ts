import { z } from 'zod'
import { Id, JsonObject, recordFields } from '../../shared/shapes.ts'
import { WhereShape } from '../../shared/where.ts'

/** A field's name: 1 to 200 characters, none of them a control; `$` begins an operator of `where`. */
const Field = Id.refine(name => !name.startsWith('$'), 'must not begin with $')

const ColumnType = z.enum(['string', 'number', 'integer', 'boolean', 'timestamp', 'json', 'uuid', 'reference'])
const NAMING: readonly string[] = ['reference', 'string', 'uuid']

/** What a field holds: `timestamp` is ISO 8601 with a zone; with `references` it is the id of a record in that table. Any may be null. */
const DeclaredColumn = z
  .strictObject({ type: ColumnType, indexed: z.boolean().optional(), references: Id.optional() })
  .superRefine(({ type, references }, context) => {
    const complain = (message: string) => context.addIssue({ code: 'custom', path: ['references'], message })
    if (type === 'reference' && references === undefined) complain('is needed: the table whose records are referred to')
    if (references !== undefined && !NAMING.includes(type)) complain(`is for columns of type ${NAMING.join(', ')}`)
  })
export const Column = z.union([ColumnType.exclude(['reference']), DeclaredColumn])

export const TablePut = z.strictObject({
  columns: z.record(Field, Column).refine(columns => Object.keys(columns).length <= 500, 'must be at most 500 columns'),
  strict: z.boolean().optional(),
})
export type TablePut = z.output<typeof TablePut>

/** A table on the wire. An imported one shows the columns that it came with. */
export const Table = z.object({ ...recordFields, columns: z.record(z.string(), z.unknown()), strict: z.boolean() })
export type Table = z.infer<typeof Table>

export const TableRef = z.strictObject({ table: Id })
export const RecordRef = z.strictObject({ table: Id, id: Id })

export const DataRecord = z.object({ ...recordFields, table: z.string(), data: JsonObject })
export type DataRecord = z.infer<typeof DataRecord>

const MOST = 1000
export const Mode = z.enum(['error', 'merge', 'replace'])
export type Mode = z.infer<typeof Mode>

export const RecordCreate = z.strictObject({ id: Id.optional(), data: JsonObject })
export type RecordCreate = z.output<typeof RecordCreate>
const Records = z
  .strictObject({ records: z.array(RecordCreate).min(1).max(MOST), on_conflict: Mode.optional() })
  .superRefine(({ records }, context) => {
    const seen = new Set<string>()
    for (const [i, { id }] of records.entries()) {
      if (id !== undefined && seen.has(id))
        context.addIssue({ code: 'custom', path: ['records', i, 'id'], message: 'is given more than once' })
      if (id !== undefined) seen.add(id)
    }
  })

/** One record, or several. */
export const RecordsCreate = z.union([Records, RecordCreate])
export const RecordsCreated = z.union([DataRecord, z.object({ items: z.array(DataRecord) })])

export const RecordData = z.strictObject({ data: JsonObject })

const Order = z.strictObject({ field: Field, direction: z.enum(['asc', 'desc']).optional() })
export type Order = z.output<typeof Order>

export const RecordQuery = z
  .strictObject({ where: WhereShape, select: z.array(Field).min(1).max(200), order: z.array(Order).max(5) })
  .partial()
export type RecordQuery = z.output<typeof RecordQuery>

export const RecordDelete = z.strictObject({ where: WhereShape })
export const Deleted = z.object({ deleted: z.number().int() })

const place = { table: Id, id: Id }
const version = z.int().positive().optional()
const Operation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('create'), table: Id, id: Id.optional(), data: JsonObject }),
  z.strictObject({ op: z.literal('replace'), ...place, data: JsonObject, if_version: version }),
  z.strictObject({ op: z.literal('merge'), ...place, data: JsonObject, if_version: version }),
  z.strictObject({ op: z.literal('remove'), ...place, if_version: version }),
])
export type Operation = z.output<typeof Operation>

export const BatchOf = z.strictObject({ operations: z.array(Operation).min(1).max(MOST) })
export const Batch = z.object({ results: z.array(z.object({ status: z.number().int(), id: z.string(), version: z.number().int() })) })
