import type { Scope } from '../../shared/db/scope.ts'
import type { Stage } from '../../shared/migration/stage.ts'
import type { Verified } from '../../shared/migration/verify.ts'
import type { CollectionState } from './stages.schema.ts'

/** The stages of all collections, wherever their memory is. */
export type StageStore = {
  list(): Promise<CollectionState[]>
  get(name: string): Promise<CollectionState | undefined>
  /**
   * Takes a step: here, when this process can; else by a wish that the holder takes up. True once it is done; false when it has
   * not been within the time that a request may take. The audit tells it under who asks. Throws conflict for an illegal step, a
   * stale epoch, a missing clean pass.
   */
  change(scope: Scope, name: string, to: Stage, expectedEpoch: string): Promise<boolean>
  /**
   * Compares memory with Postgres, whole: here, when this process holds the memory; else undefined, and its holder takes the wish
   * up. Throws conflict in a stage without both.
   */
  verify(name: string): Promise<Verified | undefined>
}
