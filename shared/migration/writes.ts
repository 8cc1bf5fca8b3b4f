import { Refusal } from '../errors.ts'
import type { KeeperOptions } from './ports.ts'

/** Which keys are being written in this process. */
export type Writes = {
  /** Begins a write of some keys; what it returns ends it, once. */
  begin(organization: string, ids: readonly string[]): () => void
  /** Whether a write of this key (of any key) has begun and not ended. */
  of(organization: string, id: string | undefined): boolean
  any(): boolean
}

/** One text for a key of an organization. */
export const keyOf = (organization: string, id: string): string => JSON.stringify([organization, id])

export const makeWrites = (): Writes => {
  const counts = new Map<string, number>()
  const end = (key: string) => {
    const left = (counts.get(key) ?? 1) - 1
    if (left === 0) counts.delete(key)
    else counts.set(key, left)
  }
  return {
    begin: (organization, ids) => {
      const keys = ids.map(id => keyOf(organization, id))
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
      let open = true
      return () => {
        if (open) for (const key of keys) end(key)
        open = false
      }
    },
    of: (organization, id) => (id === undefined ? counts.size > 0 : counts.has(keyOf(organization, id))),
    any: () => counts.size > 0,
  }
}

/** A 503 that a little patience mends. */
export const later = (detail: string): Refusal => new Refusal('unavailable', detail, { retryAfter: 1 })

/** Waits until no write is under way. Throws 503 when that takes longer than `patience`. */
export const drained = async (
  writes: Writes,
  { patience, now, sleep }: Pick<KeeperOptions, 'patience' | 'now' | 'sleep'>,
): Promise<void> => {
  for (const deadline = now() + patience; writes.any(); await sleep(1))
    if (now() >= deadline) throw later('writes that began before are still running')
}
