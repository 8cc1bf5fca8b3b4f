import { z } from 'zod'
import { Id, JsonValue } from '../../shared/shapes.ts'

export const CollectionRef = z.strictObject({ name: z.string() })

export const ImportQuery = z.strictObject({ organization: Id }).partial()
export const CompareQuery = z.strictObject({ organization: Id, only_organization: Id, run: Id, last: z.enum(['true', 'false']) }).partial()
export const ExportQuery = z.strictObject({ organization: Id, only_organization: Id }).partial()

/** Findings are listed up to a bound, and counted without one. `key` is null where a line has none. */
const Finding = z.object({ key: z.string().nullable(), reason: z.string() })
export type Finding = z.infer<typeof Finding>

export const Imported = z.object({
  read: z.number().int(),
  inserted: z.number().int(),
  unchanged: z.number().int(),
  updated: z.number().int(),
  /** What cannot be stored. */
  quarantined: z.array(Finding),
  /** What was changed or removed since it was imported, or was made here: left as it is. */
  conflicts: z.array(Finding),
  counts: z.object({ quarantined: z.number().int(), conflicts: z.number().int() }),
})
export type Imported = z.infer<typeof Imported>

/** One place where an entry differs: a JSON Pointer, and both values; the side that has none leaves it out. */
const Difference = z.object({ key: z.string(), path: z.string(), source: JsonValue.optional(), postgres: JsonValue.optional() })
export type Difference = z.infer<typeof Difference>

export const Compared = z.object({
  equal: z.boolean(),
  matched: z.number().int(),
  only_in_source: z.array(z.string()),
  /** Known with a comparison's last part. */
  only_in_postgres: z.array(z.string()),
  different: z.array(Difference),
  /** What cannot be read, and so not be compared. */
  quarantined: z.array(Finding),
  /** How many entries, listed or not. */
  counts: z.object({
    only_in_source: z.number().int(),
    only_in_postgres: z.number().int(),
    different: z.number().int(),
    quarantined: z.number().int(),
  }),
})
export type Compared = z.infer<typeof Compared>
