import type { Columns, Statement } from '../db/batch.ts'
import type { Database } from '../db/database.ts'
import type { Scope } from '../db/scope.ts'

/** What is asked for as `whole`: behind the statement's own id, version and JSON stand whether the entry is removed, and all of it. */
const entriesOf = ({ organization_id }: Scope, rows: readonly Columns[]): Columns[] =>
  rows.flatMap(([id, version, , deleted, entry]) => (entry ? [[organization_id, id, version, deleted, entry] as Columns] : []))

/**
 * The database as the mirror's store in Postgres has it: a statement that can answer what it leaves behind is asked to, and nothing
 * is read back after it. Where it has left everything alone, a trip of its own reads what stood in its way.
 * (In a unit it is read back: a refusal there undoes what the answer was about.)
 */
export const tellingEntries = (db: Database): Database => {
  const write = async (scope: Scope, around: NonNullable<Scope['around']>, statement: Statement, text: string): Promise<Columns[]> => {
    const { name, values } = statement
    const rows = await db.write({ ...scope, around: { ...around, after: [] } }, { name: `${name}, entry`, text, values })
    const entries = entriesOf(scope, rows)
    around.learn([entries.length > 0 ? entries : await db.read({ ...scope, around: undefined }, ...around.after)])
    return rows
  }
  return {
    ...db,
    write: (scope, ...statements) => {
      const [statement, ...more] = statements
      const { around, unit } = scope
      const tells = statement?.whole !== undefined && more.length === 0 && !unit && around && around.after.length > 0
      return tells ? write(scope, around, statement, statement.whole) : db.write(scope, ...statements)
    },
  }
}
