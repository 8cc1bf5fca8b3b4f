import type { Scope } from '../../shared/db/scope.ts'
import type { Where } from '../../shared/where.ts'

type Removing = {
  matching(scope: Scope, where: Where): Promise<string[]>
  removeWhere(scope: Scope, where: Where, at: string, among?: readonly string[]): Promise<number>
}

/** A store that removes by filter as the stages ask for that hold a memory: what will be removed is known by its ids before. */
export const removingByIds = <S extends Removing>(store: S): S => ({
  ...store,
  removeWhere: async (scope: Scope, where: Where, at: string) => {
    const ids = await store.matching(scope, where)
    return ids.length === 0 ? 0 : store.removeWhere(scope, where, at, ids)
  },
})
