import type { Replica } from '../memory.ts'
import type { Drafted, StageDb } from './ports.ts'
import { keyOf } from './writes.ts'

export type Doubt = { organization: string; id: string; drafted: Drafted | undefined }

/** Keys whose last write has an unknown outcome. */
export type Doubts = {
  add(doubt: Doubt): void
  /** Whether a key is in doubt (any is). */
  of(key: { organization: string; id: string } | undefined): boolean
  clear(): void
  all(): readonly Doubt[]
  /** Memory takes what became of each, now that their transactions have surely ended. What was doubted since stays in doubt. */
  conclude(doubted: readonly Doubt[]): Promise<void>
}

export const makeDoubts = (db: StageDb, replica: Replica): Doubts => {
  const doubts = new Map<string, Doubt>()
  const concludeOne = async ({ organization, id, drafted }: Doubt): Promise<void> => {
    if (drafted) {
      const answered = await db.answered(organization, drafted.unit)
      return answered ? drafted.draft.keep() : drafted.draft.drop()
    }
    const entry = await db.entry(organization, id)
    if (entry) replica.apply(entry)
  }
  return {
    add: doubt => void doubts.set(keyOf(doubt.organization, doubt.id), doubt),
    of: key => (key ? doubts.has(keyOf(key.organization, key.id)) : doubts.size > 0),
    clear: () => doubts.clear(),
    all: () => [...doubts.values()],
    conclude: async doubted => {
      for (const doubt of doubted) {
        await concludeOne(doubt)
        const key = keyOf(doubt.organization, doubt.id)
        if (doubts.get(key) === doubt) doubts.delete(key)
      }
    },
  }
}
