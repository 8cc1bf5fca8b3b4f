import type { Database } from '../db/database.ts'
import type { Scope } from '../db/scope.ts'
import { EpochMoved } from '../errors.ts'
import type { Keeper } from './ports.ts'

/** The database as `complete` uses it: each scope carries how long the stage may be relied on, and nothing else is asked. */
export const whileComplete = (db: Database, keeper: Keeper): Database => {
  const scoped = async <T>(scope: Scope, work: (scope: Scope) => Promise<T>): Promise<T> => {
    const view = await keeper.enter()
    if (view.row.stage !== 'complete') throw new EpochMoved()
    try {
      return await work({ ...scope, validUntil: view.row.validUntil })
    } catch (error) {
      if (error instanceof EpochMoved) keeper.moved(view)
      throw error
    }
  }
  return {
    ...db,
    read: (scope, ...statements) => scoped(scope, inside => db.read(inside, ...statements)),
    write: (scope, ...statements) => scoped(scope, inside => db.write(inside, ...statements)),
    writeAll: (scope, ...statements) => scoped(scope, inside => db.writeAll(inside, ...statements)),
    writeAt: (isolation, scope, ...statements) => scoped(scope, inside => db.writeAt(isolation, inside, ...statements)),
  }
}

type Method = (scope: Scope, ...args: unknown[]) => Promise<unknown>

/** A store whose calls go on in another where the stage has moved: nothing was done yet. (A unit is begun anew by who began it.) */
export const orElse = <S extends object>(store: S, other: S): S => {
  const methods = Object.entries(store) as [string, Method][]
  const others = other as { readonly [name: string]: Method }
  const either =
    (name: string, method: Method): Method =>
    (scope, ...args) =>
      method(scope, ...args).catch(error => {
        if (!(error instanceof EpochMoved) || scope.unit) throw error
        return others[name]?.(scope, ...args)
      })
  return Object.fromEntries(methods.map(([name, method]) => [name, either(name, method)])) as S
}
