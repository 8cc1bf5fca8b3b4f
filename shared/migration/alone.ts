import type { Scope } from '../db/scope.ts'
import { Refusal } from '../errors.ts'
import type { Staged } from './staged.ts'

type Store = { [method: string]: (scope: Scope, ...args: never[]) => Promise<unknown> }

/** A store that Postgres alone has: in `off`, where Postgres holds nothing of the collection, it answers 503. */
export const inPostgresAlone = <S extends object>({ name, keeper }: Staged<object>, store: S): S => {
  const guarded = Object.entries(store as Store).map(([method, work]) => [
    method,
    async (...args: Parameters<typeof work>) => {
      const { row } = await keeper.enter()
      if (row.stage === 'off') throw new Refusal('unavailable', `${name} is kept in memory: this needs the database`, { retryAfter: 60 })
      return work(...args)
    },
  ])
  return Object.fromEntries(guarded) as S
}
